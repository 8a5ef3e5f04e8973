import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { openChannel, type RpcChannel } from "@hexhold/rpc";
import { Command, Option } from "commander";
import type { Status } from "../status-file.ts";
import { waitForHttp } from "../world-host/wait-for-http.ts";
import type { CommandContext } from "./command-context.ts";
import { withHost } from "./with-host.ts";

/** In their order: who serves others comes before them. */
const kinds = [
  "worker",
  "router",
  "accounts",
  "inventory",
  "market",
  "governance",
  "chat",
  "gateway",
] as const;
type Kind = (typeof kinds)[number];
const adminTimeoutMs = 2000;
/** From a process that runs to one that serves. */
const servesMsMax = 30_000;
const lookMs = 100;

/** `hexctl roll`: restarts the processes of a running world one after another, without a pause of the world. */
export function rollCommand(context: CommandContext): Command {
  return new Command("roll")
    .description("Restart the processes of the running cluster one after another.")
    .addOption(
      new Option(
        "--kind <kinds...>",
        "only these; default: workers, then routers, services, gateways",
      )
        .choices(kinds)
        .default([...kinds]),
    )
    .action((options: { readonly kind: readonly Kind[] }) => roll(context, options.kind));
}

async function roll(context: CommandContext, wanted: readonly Kind[]): Promise<void> {
  await withHost(context, async (host, status) => {
    if (status.profile !== "cluster") {
      throw new Error("This world is one process: hexctl roll is for --profile cluster.");
    }
    const admin = openChannel(status.endpoints.admin ?? "", {
      token: status.adminToken ?? "",
      callTimeoutMs: adminTimeoutMs,
    });
    try {
      const processes = kinds
        .filter((kind) => wanted.includes(kind))
        .flatMap((kind) => status.processes.filter((each) => each.kind === kind));
      for (const { name, kind, url, controlUrl } of processes) {
        const startedMs = performance.now();
        await host.restartProcess({ name });
        await untilHealthy(name, controlUrl);
        // A gateway has another door, for players.
        await untilHealthy(name, url);
        const owned = await untilServed(admin, kind === "worker" ? name : undefined, status);
        const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
        console.log(`${name.padEnd(12)}restarted in ${seconds} s${owned}`);
      }
      console.log(`${processes.length} processes were restarted.`);
    } finally {
      admin.close();
    }
  });
}

async function untilHealthy(name: string, url: string | undefined): Promise<void> {
  if (url === undefined) return;
  await waitForHttp(
    `${url}/readyz`,
    servesMsMax,
    () => `${name} was restarted and is not healthy; the roll ends here. See hexctl logs ${name}`,
  );
}

/**
 * Waits until every slot is served, by `worker` too where there are slots for it: the next process is not
 * restarted before that.
 */
async function untilServed(
  admin: RpcChannel,
  worker: string | undefined,
  status: Status,
): Promise<string> {
  const workers = status.processes.filter(({ kind }) => kind === "worker").length;
  const untilMs = performance.now() + servesMsMax;
  let why = "";
  while (performance.now() < untilMs) {
    try {
      const { partitions } = await admin.client(AdminService).listPartitions({});
      const stalled = partitions.filter(({ health }) => health !== "ok").map(({ slot }) => slot);
      const own = partitions.filter(({ owner }) => owner === worker).length;
      if (stalled.length > 0) why = `${stalled.join(", ")} not served`;
      else if (worker === undefined) return "";
      else if (own >= Math.floor(partitions.length / workers)) return `, serves ${own} slots`;
      else why = `${worker} has ${own} slots of ${partitions.length}`;
    } catch (error) {
      why = (error as Error).message;
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  throw new Error(`The roll ends here: after ${servesMsMax / 1000} s ${why}. See hexctl status.`);
}
