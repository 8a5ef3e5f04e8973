/** The broker of a cluster, before its processes are started: queues, and a user for each service. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isThere } from "@hexhold/config";
import {
  brokerMarkQueue,
  createManagementApi,
  declareTopology,
  makeBrokerUsers,
  readBrokerRights,
  userOfService,
  vhostOf,
} from "@hexhold/messaging";
import { type HostSecrets, urlOfUser } from "./role-passwords.ts";

export interface BrokerOptions {
  /** With an administrator's user and password. */
  readonly url: string;
  readonly managementUrl: string | undefined;
  readonly checkout: string;
  /** Where it is remembered that the broker may hold messages of a shared user. */
  readonly dataDir: string;
  readonly partitions: number;
  readonly secrets: HostSecrets;
  readonly say: (line: string) => void;
}

export interface PreparedBroker {
  /** For the processes of a service. */
  urlOf(service: string): string;
  /** Option `cluster.trustedUsers` of this run. */
  readonly trustedUsers: readonly string[];
}

/** Without a management API nobody can make users: then all processes share the one of `url`. */
export async function prepareBroker(options: BrokerOptions): Promise<PreparedBroker> {
  const { url, managementUrl, secrets, say } = options;
  const wasShared = managementUrl !== undefined && (await wasSharedBefore(managementUrl, options));
  const queues = await declareTopology(url, options.partitions);
  say(`declared ${queues.length} queues`);
  if (managementUrl === undefined) {
    say("RabbitMQ's management API is not known: all services share one user of the broker");
    return { urlOf: () => url, trustedUsers: [] };
  }
  const rights = readBrokerRights(options.checkout);
  await makeBrokerUsers({
    managementUrl,
    vhost: vhostOf(url),
    rights,
    passwordOf: (service) => secrets.brokerUsers[service],
    suffix: secrets.loginSuffix,
  });
  const user = decodeURIComponent(new URL(url).username);
  if (wasShared) {
    say(
      `messages of ${user}, and of nobody, are taken until a start finds the queues empty: they may be from before services had users of their own`,
    );
  }
  return {
    urlOf: (service) => (service in rights ? urlOfUser(url, service, secrets) : url),
    trustedUsers: wasShared ? ["", user] : [],
  };
}

/**
 * Whether what waits in the queues may have been published by processes that shared a user: the queues are there and the
 * users are not, or that was so once and the queues have not been empty at a start since.
 */
async function wasSharedBefore(
  managementUrl: string,
  { url, secrets, dataDir }: Pick<BrokerOptions, "url" | "secrets" | "dataDir">,
): Promise<boolean> {
  const request = createManagementApi(managementUrl, 10_000);
  const vhost = encodeURIComponent(vhostOf(url));
  const mark = join(dataDir, "broker-was-shared");
  const queues = (await request("GET", `/api/queues/${vhost}?columns=name,messages`)) as Queue[];
  const user = (await request("GET", `/api/users/${userOfService("worker", secrets.loginSuffix)}`, {
    alsoStatus: 404,
  })) as { readonly name?: string };
  if (user.name === undefined && queues.some(({ name }) => name === "cmd.router")) {
    writeFileSync(mark, "");
    return true;
  }
  if (!isThere(mark)) return false;
  // One that the management has not counted yet may hold any number.
  if (queues.some(({ name, messages }) => name !== brokerMarkQueue && messages !== 0)) return true;
  rmSync(mark);
  return false;
}

interface Queue {
  readonly name: string;
  readonly messages?: number;
}
