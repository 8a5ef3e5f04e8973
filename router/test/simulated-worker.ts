/**
 * A worker reduced to what a router sees of it, as a process of its own that tests may kill and freeze:
 * it takes slots in PostgreSQL as a real one does, reports them, lets go when asked.
 * Reads one JSON argument, writes one JSON object a line: `ready`, `took`, `lost`, `released`.
 */
import { randomUUIDv7 } from "node:crypto";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { openPool } from "@hexhold/postgres";
import { joinCluster, routeProcessService, startRpcServer } from "@hexhold/rpc";
import { createLogger } from "@hexhold/telemetry";

export interface SimulatedWorkerOptions {
  readonly instance: string;
  readonly routerUrl: string;
  readonly token: string;
  /** Role hexhold_worker. */
  readonly postgresUrl: string;
  readonly worldFormat?: number;
}

const options = JSON.parse(process.argv[2] ?? "{}") as SimulatedWorkerOptions;
const { instance, token } = options;
const incarnation = randomUUIDv7();
const logger = createLogger({
  service: "worker",
  instance,
  level: "warn",
  destination: { write: (line) => process.stderr.write(line) },
});
const pool = openPool({ url: options.postgresUrl, applicationName: `worker:${instance}` }, 4);
const held = new Map<string, bigint>();

function say(event: string, more: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);
}

const server = await startRpcServer({
  port: 0,
  token,
  logger,
  routes: (router) =>
    routeProcessService(router, {
      instance,
      incarnation,
      version: "test",
      inspect: () => [...held.keys()],
      inspectHex: ({ hexId }) =>
        hexId === 0x861f1d48fffffffn
          ? { active: true, hexVersion: 7n, readableJson: '{"level":1}' }
          : { active: false },
    }),
});
const membership = await joinCluster({
  routers: [options.routerUrl],
  token,
  instance,
  kind: ProcessKind.WORKER,
  controlUrl: server.url,
  incarnation,
  version: "test",
  worldFormat: options.worldFormat ?? 1,
  amqpConnections: [`${instance}-consuming`],
  logger,
  onHeartbeat: () =>
    [...held].map(([slot, epoch]) => ({ slot, epoch, commands: 0, stalled: false, handlingUs: 0 })),
});

async function take(slot: string, expected: bigint): Promise<void> {
  if ((held.get(slot) ?? -1n) >= expected) return;
  const { rows } = await pool.query<{ epoch: string }>(
    "SELECT epoch FROM world.take_slot($1, $2, $3)",
    [slot, String(expected), `${instance}#${incarnation}`],
  );
  const [row] = rows;
  if (row === undefined) {
    say("lost", { slot, expected: String(expected) });
    membership.heartbeatNow();
    return;
  }
  held.set(slot, BigInt(row.epoch));
  say("took", { slot, epoch: row.epoch });
  membership.heartbeatNow();
}

async function letGo(slot: string, reason: string): Promise<void> {
  const epoch = held.get(slot);
  if (epoch === undefined) return;
  // First: it may be asked twice.
  held.delete(slot);
  await pool.query("SELECT world.release_slot($1, $2)", [slot, String(epoch)]);
  say("released", { slot, reason });
  membership.heartbeatNow();
}

const unwatch = membership.watchAssignments({
  grant: (slot, expected) => void take(slot, expected),
  release: (slot, reason) => void letGo(slot, reason),
});
say("ready", { incarnation, pid: process.pid });
process.once("SIGTERM", () => {
  void (async () => {
    unwatch();
    await Promise.all([...held.keys()].map((slot) => letGo(slot, "stop")));
    await membership.stop();
    await server.stop(100);
    await pool.end();
  })();
});
