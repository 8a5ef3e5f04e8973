/** Makes the broker's users of a world's services, by its management API. */
import { createManagementApi } from "../buses/management-api.ts";
import { userOfService } from "../publisher.ts";
import { viewExchange } from "../topology.ts";
import { type BrokerRights, permissionsOf } from "./rights-table.ts";

export interface MakeUsersOptions {
  /** With an administrator's user and password. */
  readonly managementUrl: string;
  readonly vhost: string;
  readonly rights: BrokerRights;
  /** Undefined: the service gets no user, and one that is there stays as it is. */
  readonly passwordOf: (service: string) => string | undefined;
  /** Users belong to the broker, not to the virtual host: of one world among several. See `userOfService`. */
  readonly suffix?: string;
}

/** Makes them, or gives those that are there these passwords and rights. Returns their names. */
export async function makeBrokerUsers(options: MakeUsersOptions): Promise<string[]> {
  const request = createManagementApi(options.managementUrl, 10_000);
  const vhost = encodeURIComponent(options.vhost);
  const made: string[] = [];
  for (const [service, rights] of Object.entries(options.rights)) {
    const password = options.passwordOf(service);
    if (password === undefined) continue;
    const user = userOfService(service, options.suffix);
    const { topic, ...permissions } = permissionsOf(rights);
    await request("PUT", `/api/users/${user}`, { body: { password, tags: "" } });
    // The narrower first: who has no topic permission may use every routing key.
    await request("PUT", `/api/topic-permissions/${vhost}/${user}`, {
      body: { exchange: viewExchange, ...topic },
    });
    await request("PUT", `/api/permissions/${vhost}/${user}`, { body: permissions });
    made.push(user);
  }
  return made;
}
