/** Services that speak in each other's names, in a cluster where each has a user of its own at the broker. */
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { uuidBytes } from "@hexhold/client";
import { SpawnSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { GrantSchema } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { GatheredSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import {
  type Bus,
  createAmqpBus,
  domainQueueOf,
  encodeBatch,
  encodeEnvelope,
  idempotencyKeyOf,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { startWorld, withPostgres, type World } from "@hexhold/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

const users = [
  "gateway",
  "worker",
  "accounts",
  "inventory",
  "market",
  "governance",
  "chat",
  "router",
  "host",
] as const;
/** These answer, and reach every queue by its name. */
const repliers = new Set<string>([
  "worker",
  "accounts",
  "inventory",
  "market",
  "governance",
  "chat",
]);

let world: World;
let victim: string;
const buses = new Map<string, Bus>();

beforeAll(async () => {
  world = await startWorld({ profile: "cluster" });
  const [player] = await world.mint(1);
  victim = player!.accountId;
  for (const user of users) buses.set(user, await connectedBus(user));
});
afterAll(async () => {
  await Promise.all([...buses.values()].map((bus) => bus.close()));
  await world?.stop();
});

async function connectedBus(user: string): Promise<Bus> {
  const bus = createAmqpBus({ url: world.brokerUrl(user), appId: `${user}/forger` });
  const connected = Promise.withResolvers<void>();
  bus.onState(({ mode }) => void (mode === "connected" && connected.resolve()));
  if (bus.state.mode === "connected") connected.resolve();
  await connected.promise;
  return bus;
}

interface Forged {
  readonly type: string;
  readonly schema: GenMessage<Message>;
  readonly message: Message;
  readonly key?: { readonly hexId: bigint; readonly layerId: number };
}

function envelopeOf(producer: string, { type, schema, message, key }: Forged): Uint8Array {
  const requestId = uuidv7Bytes();
  const target = Buffer.from(victim);
  return encodeEnvelope({
    type,
    messageVersion: 1,
    requestId,
    eventId: uuidv7Bytes(),
    correlationId: requestId,
    producer: { service: producer, version: "1", instance: "forger" },
    tsMs: Date.now(),
    idempotencyKey: idempotencyKeyOf({ accountId: undefined, requestId, type, target }),
    payload: toBinary(schema, message),
    ...(key === undefined ? {} : { key }),
    subject: victim,
  });
}

/** By the way that this user has: over an exchange, or as an answer. */
async function send(user: string, queue: string, envelopes: readonly Uint8Array[]): Promise<void> {
  const bus = buses.get(user)!;
  const body = encodeBatch({ routeVersion: 1n, envelopes });
  if (repliers.has(user)) bus.reply(queue, { type: "batch.v1", body });
  else expect(await bus.publish(queue, { type: "batch.v1", body })).toBe("confirmed");
}

async function counted(process: string, metric: string): Promise<number> {
  const { controlUrl } = world.status().processes.find(({ name }) => name === process)!;
  const text = await (await fetch(`${controlUrl}/metrics`)).text();
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${metric}{`))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

const victimRows = (): Promise<number> =>
  withPostgres(world.status().services["postgres"]!.url, async (client) => {
    const { rows } = await client.query<{ count: string }>(
      `SELECT count(*) FROM inventory.posting AS p JOIN inventory.ledger_account AS a USING (ledger_account_id)
       WHERE a.owner = $1`,
      [victim],
    );
    return Number(rows[0]!.count);
  });

test("every service's name from every other's user is refused and counted, and nothing comes of it", async () => {
  const grant = create(GrantSchema, {
    accountId: uuidBytes(victim),
    asset: "coin",
    amount: 1_000n,
    reason: "forged",
    grantId: uuidv7Bytes(),
  });
  const gathered = create(GatheredSchema, {
    playerId: uuidBytes(victim),
    resource: Resource.WOOD,
    amount: 1_000n,
    atMs: BigInt(Date.now()),
  });
  const queue = domainQueueOf("inventory", victim);
  let sent = 0;
  for (const user of users) {
    const envelopes = users
      .filter((producer) => producer !== user)
      .map((producer) =>
        envelopeOf(producer, { type: "cmd.inventory.grant", schema: GrantSchema, message: grant }),
      );
    if (user !== "worker") {
      // An event is the worker's alone, also under another's own name.
      const event = { type: "evt.hex.gathered", schema: GatheredSchema, message: gathered };
      envelopes.push(envelopeOf("worker", event), envelopeOf(user, event));
    }
    await send(user, queue, envelopes);
    sent += envelopes.length;
  }
  expect(sent).toBe(88);
  await expect
    .poll(() => counted("inventory-1", "hexhold_domain_forged_total"), { timeout: 10_000 })
    .toBe(sent);
  expect(await victimRows()).toBe(0);
  // The host's own word counts: as itself it may grant.
  await world.grant(victim, "coin", 7n);
  expect(await victimRows()).toBe(1);
});

test("a hex hears from nobody in another's name", async () => {
  const message = create(SpawnSchema, { playerId: uuidv7Bytes() });
  const key = { hexId: 0x861f1d487ffffffn, layerId: 0 };
  const spawn = { type: "cmd.hex.spawn", schema: SpawnSchema, message, key };
  let sent = 0;
  for (const user of users.filter((name) => name !== "accounts")) {
    if (!repliers.has(user) && user !== "gateway") continue;
    for (let slot = 0; slot < 8; slot++) {
      await send(user, `cmd.p${slot}`, [envelopeOf("accounts", spawn)]);
      sent++;
    }
  }
  expect(sent).toBe(48);
  await expect
    .poll(() => counted("worker-1", "hexhold_worker_forged_total"), { timeout: 10_000 })
    .toBe(sent);
});

test("who may not write to a service's exchange cannot publish there", async () => {
  for (const [user, queue] of [
    ["market", "cmd.market.0"],
    ["router", "cmd.p0"],
    ["host", "cmd.p0"],
  ] as const) {
    const bus = await connectedBus(user);
    const body = encodeBatch({ routeVersion: 1n, envelopes: [] });
    expect(await bus.publish(queue, { type: "batch.v1", body })).not.toBe("confirmed");
    await bus.close();
  }
});

test("the economy is whole, and no letter is kept of a forgery", async () => {
  const { code, output } = await world.hexctl("verify", "--economy");
  expect(output).toContain("0 violations");
  expect(code).toBe(0);
  const saga = await world.hexctl("saga", "--json");
  expect(saga.output).not.toContain("forged");
});
