import { HostService } from "@hexhold/gen/hexhold/control/v1/host_pb";
import { openChannel, type RpcChannel } from "@hexhold/rpc";
import { lockOwner, statusFileOf } from "@hexhold/local-stack";
import { readStatus, type Status } from "../status-file.ts";
import type { CommandContext } from "./command-context.ts";

type HostClient = ReturnType<typeof clientOf>;

const callTimeoutMs = 60_000;

/** Calls the host of the world that runs here. Throws, with what to do, when there is none. */
export async function withHost(
  context: CommandContext,
  work: (host: HostClient, status: Status) => Promise<void>,
): Promise<void> {
  const status = readStatus(statusFileOf(context.dataDir));
  const host = status?.processes.find(({ kind }) => kind === "host");
  if (
    lockOwner(context.dataDir) === undefined ||
    status === undefined ||
    host?.controlUrl === undefined
  ) {
    throw new Error(`No world runs in ${context.dataDir}. Start one with "npm start".`);
  }
  const channel = openChannel(host.controlUrl, { token: status.adminToken ?? "", callTimeoutMs });
  try {
    await work(clientOf(channel), status);
  } finally {
    channel.close();
  }
}

function clientOf(channel: RpcChannel) {
  return channel.client(HostService);
}
