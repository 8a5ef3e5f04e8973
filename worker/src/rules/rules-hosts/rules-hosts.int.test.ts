import { randomBytes } from "node:crypto";
import { Worker } from "node:worker_threads";
import { create, toBinary } from "@bufbuild/protobuf";
import { EnterSchema, SpawnSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { GatherSchema, MoveSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { PlayerSpawnedSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { GatheredSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { createGame } from "@hexhold/reference-game";
import {
  badEvents,
  createGame as createBadGame,
  slowEventMs,
} from "@hexhold/testing/misbehaving-game";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { HexRecovery, HostCommand, RulesHost } from "../rules-host.ts";
import type { RulesWork } from "../rules-thread.ts";
import { RulesThreadPool } from "../rules-thread-pool.ts";
import { createInlineRulesHost } from "./inline.ts";
import { createThreadRulesHost } from "./thread.ts";

const slot = "cmd.p2";
const moment = { nowMs: 1000, worldFormat: 1 };
const keyText = "861f1d48fffffff";
const account = new Uint8Array(16).fill(7);
const world = { bounds: [], layers: [0] };
const gameModule = new URL("../../../../libs/testing/src/misbehaving-game.ts", import.meta.url)
  .href;
const pool = new RulesThreadPool({
  gameModule,
  gameOptions: { stockCapacity: 1000 },
  world,
  heapMbMax: 64,
});
afterAll(async () => pool.stop());

function command(type: string, payload: Uint8Array, more: Partial<HostCommand> = {}): HostCommand {
  return {
    keyText,
    type,
    payload,
    sender: Sender.CLIENT,
    accountId: account,
    sessionId: new Uint8Array(16).fill(1),
    volatileSeq: 0n,
    ...more,
  };
}
const spawn = command(
  "cmd.hex.spawn",
  toBinary(SpawnSchema, create(SpawnSchema, { playerId: account })),
);
const enter = command("cmd.hex.enter", toBinary(EnterSchema, create(EnterSchema)));
const gather = (amount: bigint): HostCommand =>
  command(
    "cmd.hex.gather",
    toBinary(GatherSchema, create(GatherSchema, { resource: Resource.WOOD, amount })),
  );
const move = (seq: bigint): HostCommand =>
  command("cmd.hex.move", toBinary(MoveSchema, create(MoveSchema, { x: 5, y: 6 })), {
    volatileSeq: seq,
  });

/** A hex that a player was born in, and in which it has gathered `amounts`. */
function journalOf(hex: string, amounts: readonly bigint[]): HexRecovery {
  const events = [
    {
      type: "evt.hex.player-spawned",
      payload: toBinary(
        PlayerSpawnedSchema,
        create(PlayerSpawnedSchema, { playerId: account, atMs: 1n }),
      ),
    },
    ...amounts.map((amount) => ({
      type: "evt.hex.gathered",
      payload: toBinary(
        GatheredSchema,
        create(GatheredSchema, { playerId: account, resource: Resource.WOOD, amount, atMs: 1n }),
      ),
    })),
  ];
  const tail = events.map((event, i) => ({ ...event, hexVersion: i + 1, decidedMs: 1 }));
  return { keyText: hex, start: undefined, tail };
}

async function versionOf(host: RulesHost): Promise<number | undefined> {
  return (await host.capture(slot, [keyText]))[0]?.hexVersion;
}

/** What every rules host must do. */
function describeHost(name: string, start: () => RulesHost): void {
  describe(`the rules host ${name}`, () => {
    let host: RulesHost;
    beforeEach(async () => {
      host = start();
      await host.load(slot, [{ keyText, start: undefined, tail: [] }]);
      return async () => host.stop();
    });

    it("decides a batch in order on tentative state, which settle makes the state", async () => {
      const { outcomes, fault } = await host.decide(slot, moment, [
        spawn,
        enter,
        gather(5n),
        gather(2000n),
      ]);
      expect(fault).toBeUndefined();
      expect(outcomes.map((outcome) => [outcome.kind, outcome.hexVersion])).toEqual([
        ["applied", 1],
        ["applied", 2],
        ["applied", 3],
        ["invalid", 3],
      ]);
      expect(await versionOf(host)).toBe(0);
      host.settle(slot);
      expect(await versionOf(host)).toBe(3);
    });

    it("forgets what was decided at a rollback", async () => {
      await host.decide(slot, moment, [spawn]);
      host.rollback(slot);
      const { outcomes } = await host.decide(slot, moment, [enter]);
      expect(outcomes[0]).toMatchObject({ kind: "refused", reason: "not-resident" });
    });

    it("rebuilds a hex from events, and keeps the volatile part over a reload", async () => {
      const first = await host.decide(slot, moment, [spawn, enter, move(1n)]);
      host.settle(slot);
      const tail = first.outcomes.slice(0, 2).map((outcome, i) => ({
        type: outcome.kind === "applied" ? outcome.events[0]!.type : "",
        payload: outcome.kind === "applied" ? outcome.events[0]!.payload : new Uint8Array(0),
        hexVersion: i + 1,
        decidedMs: 1000,
      }));
      const [before] = await host.capture(slot, [keyText]);
      host.forget(slot, [keyText], true);
      expect(await host.load(slot, [{ keyText, start: undefined, tail }])).toEqual([]);
      expect((await host.capture(slot, [keyText]))[0]).toMatchObject({
        hexVersion: 2,
        volatileCount: 1,
        durable: before!.durable,
        volatile: before!.volatile,
      });
    });

    it("says which hex cannot be rebuilt, and rebuilds the others", async () => {
      const other = "86754e64fffffff";
      const gap = [
        { type: "evt.hex.player-left", payload: new Uint8Array(0), hexVersion: 7, decidedMs: 0 },
      ];
      const faults = await host.load(slot, [
        { keyText, start: undefined, tail: gap },
        { keyText: other, start: undefined, tail: [] },
      ]);
      expect(faults.map((item) => item.keyText)).toEqual([keyText]);
      expect(faults[0]!.reason).toMatch(/event 7 follows version 0/);
      expect(await host.capture(slot, [other])).toHaveLength(1);
    });

    it("stops at a command whose rules throw, and lets what was decided before it stand", async () => {
      await host.decide(slot, moment, [spawn, enter]);
      host.settle(slot);
      const { outcomes, fault } = await host.decide(slot, moment, [
        gather(1n),
        gather(991n),
        gather(1n),
      ]);
      expect(outcomes).toHaveLength(1);
      expect(fault).toMatchObject({ kind: "threw", index: 1 });
      expect(fault?.error).toMatch(/bad rules: thrown/);
      host.settle(slot);
      expect(await versionOf(host)).toBe(3);
    });
  });
}

describeHost("inline", () =>
  createInlineRulesHost(createBadGame({ stockCapacity: 1000 }), {
    random: () => randomBytes(16),
    world,
  }),
);
describeHost("in a thread", () => createThreadRulesHost({ pool }));

describe("the rules host in a thread", () => {
  it.each([
    ["loops", 992n, "stalled"],
    ["exhausts memory", 993n, "died|stalled"],
    ["ends its thread", 995n, "died"],
  ] as const)(
    "survives a rule that %s, and charges the command that it was at",
    async (_what, amount, kind) => {
      const lost: string[] = [];
      const host = createThreadRulesHost({ pool, onLost: (how) => lost.push(how) });
      await host.load(slot, [{ keyText, start: undefined, tail: [] }]);
      await host.decide(slot, moment, [spawn, enter]);
      host.settle(slot);
      const { generation } = host;
      const bystander = host.decide("cmd.p1", moment, []);
      const { outcomes, fault } = await host.decide(slot, moment, [
        gather(1n),
        gather(amount),
        gather(1n),
      ]);
      await bystander;
      expect(outcomes).toEqual([]);
      expect(fault?.index).toBe(1);
      expect(fault?.kind).toMatch(new RegExp(kind));
      expect(lost).toHaveLength(1);
      expect(host.generation).toBe(generation + 1);
      expect(await host.capture(slot, [keyText])).toEqual([]);
      await host.load(slot, [{ keyText, start: undefined, tail: [] }]);
      expect((await host.decide(slot, moment, [spawn])).outcomes[0]?.kind).toBe("applied");
      await host.stop();
    },
  );

  it("has a limit for each event that it replays, and none for the journal", async () => {
    const lost: string[] = [];
    const host = createThreadRulesHost({ pool, onLost: (how) => lost.push(how) });
    const slow = Array.from({ length: 700 / slowEventMs }, () => badEvents.slow);
    expect(await host.load(slot, [journalOf(keyText, slow)])).toEqual([]);
    expect(await versionOf(host)).toBe(slow.length + 1);
    expect(lost).toEqual([]);
    await host.stop();
  });

  it("gives its thread the bytes of hexes in memory of their own, and not a driver's pool", async () => {
    const host = createThreadRulesHost({ pool });
    await host.loaded;
    const posted = vi.spyOn(Worker.prototype, "postMessage");
    const piece = new ArrayBuffer(128 * 1024);
    const inPiece = (bytes: Uint8Array): Uint8Array => {
      const view = Buffer.from(piece, 64, bytes.length);
      view.set(bytes);
      return view;
    };
    const { tail } = journalOf(keyText, []);
    const spawned = { ...tail[0]!, payload: inPiece(tail[0]!.payload) };
    const given = { keyText, start: undefined, tail: [spawned], place: "not for the rules" };
    expect(await host.load(slot, [given])).toEqual([]);
    expect(await versionOf(host)).toBe(1);
    const load = posted.mock.calls.find(([message]) => (message as RulesWork).kind === "load");
    posted.mockRestore();
    const [request, transferred] = load as unknown as [
      Extract<RulesWork, { kind: "load" }>,
      readonly ArrayBuffer[],
    ];
    const sent = request.hexes[0]!.tail[0]!.payload.buffer;
    expect(sent).not.toBe(piece);
    expect(transferred).toEqual([sent]);
    expect(request.hexes[0]).not.toHaveProperty("place");
    // What was given is its owner's still: it may be loaded again.
    expect(await host.load(slot, [given])).toEqual([]);
    await host.stop();
  });

  it("says at which hex an event is folded for ever", async () => {
    const lost: string[] = [];
    const host = createThreadRulesHost({ pool, onLost: (how) => lost.push(how) });
    const loading = host.load(slot, [
      journalOf(keyText, [1n]),
      journalOf("86754e64fffffff", [1n, badEvents.loops]),
      journalOf("861f1d4f7ffffff", [1n]),
    ]);
    await expect(loading).rejects.toMatchObject({ code: "RULES_HOST_GONE", hexIndex: 1 });
    expect(lost).toEqual(["stalled"]);
    expect(await host.load(slot, [journalOf(keyText, [1n])])).toEqual([]);
    await host.stop();
  });

  it("takes a rule that ends its process for one that throws", async () => {
    const lost: string[] = [];
    const host = createThreadRulesHost({ pool, onLost: (how) => lost.push(how) });
    await host.load(slot, [{ keyText, start: undefined, tail: [] }]);
    await host.decide(slot, moment, [spawn, enter]);
    host.settle(slot);
    const { fault } = await host.decide(slot, moment, [gather(994n)]);
    expect(fault).toMatchObject({ kind: "threw", index: 0 });
    expect(fault?.error).toMatch(/the rules called process\.exit/);
    host.rollback(slot);
    expect((await host.decide(slot, moment, [gather(1n)])).outcomes[0]?.kind).toBe("applied");
    expect(lost).toEqual([]);
    await host.stop();
  });

  it("ends a command that takes longer than its limit, and lives on", async () => {
    const host = createThreadRulesHost({ pool, decideMsMax: 2000 });
    await host.load(slot, [{ keyText, start: undefined, tail: [] }]);
    await host.decide(slot, moment, [spawn, enter]);
    host.settle(slot);
    const { generation } = host;
    const doomed = await host.decide(slot, moment, [gather(1n), gather(992n)], 100);
    expect(doomed.fault?.index).toBe(1);
    // Starved on a machine that had no processor for it.
    expect(["overran", "starved"]).toContain(doomed.fault?.kind);
    expect(host.generation).toBe(generation);
    host.rollback(slot);
    expect((await host.decide(slot, moment, [gather(1n)], 50)).outcomes[0]?.kind).toBe("applied");
    await host.stop();
  });

  it("gives threads that do not come up ever more time, and says so", async () => {
    const slow = new RulesThreadPool({
      // Loads for half a second at least.
      gameModule: `data:text/javascript,await new Promise((r) => setTimeout(r, 500)); export * from ${JSON.stringify(gameModule)}`,
      gameOptions: {},
      world,
      startMsMax: 400,
    });
    const lost: string[] = [];
    const host = createThreadRulesHost({ pool: slow, onLost: (_, error) => lost.push(error) });
    await host.loaded;
    await host.load(slot, [{ keyText, start: undefined, tail: [] }]);
    expect((await host.decide(slot, moment, [spawn])).outcomes[0]?.kind).toBe("applied");
    expect(lost[0]).toBe("the rules were not loaded within 0.4 s");
    await host.stop();
    await slow.stop();
  });

  it("says why when the rules cannot be loaded, instead of waiting for ever", async () => {
    const broken = new RulesThreadPool({
      gameModule: "data:text/javascript,throw new Error('no such rules')",
      gameOptions: {},
      world,
    });
    const host = createThreadRulesHost({ pool: broken });
    await expect(host.loaded).rejects.toThrow(/cannot be loaded: .*no such rules/);
    await host.stop();
    await broken.stop();
  });

  it("gives up nobody's command when it is stopped", async () => {
    const host = createThreadRulesHost({ pool });
    const waiting = host.decide(slot, moment, [spawn]);
    await host.stop();
    expect((await waiting).fault?.kind ?? "decided").toMatch(/restarted|decided/);
  });
});

it("plays the reference game, from which only the test's bad amounts differ", () => {
  expect(createGame({}).name).toBe(createBadGame({}).name);
});
