/** What every adapter of the snapshot store must do; run against each by `snapshot-stores/*.int.test.ts`. Imported by tests only. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { bucketOf, diskOf, hexAt, type Key, keyText } from "@hexhold/hex";
import { sha256 } from "@hexhold/messaging";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Snapshot, SnapshotStore } from "./snapshot-store.ts";

/** A database under test. */
export interface SnapshotDatabaseUnderTest {
  /** Of the server that has the database. */
  readonly address: Address;
  /** A store of its own, which gives an operation at most about a second; at another address when one is given. */
  open(address?: Address): SnapshotStore;
  /** Why the server cannot take two saves at once of hexes that are there; undefined where it can. */
  readonly noUpdatesAtOnce?: string | undefined;
  /** Removes the database. */
  end(): Promise<void>;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

type Order = readonly [epoch: number, hexVersion: number, volatileCount: number];

const answerMsMax = 5000;
const cells = diskOf(hexAt(52.5, 13.4), 7);

/** The snapshot of the `index`-th hex at a place in its order; every field follows from both. */
export function snapshotOf(index: number, [epoch, hexVersion, volatileCount]: Order): Snapshot {
  const key: Key = { hexId: cells[index % cells.length]!, layerId: index % 2 === 0 ? 0 : 7 };
  const name = `${keyText(key)} ${epoch}/${hexVersion}/${volatileCount}`;
  const durable = Uint8Array.of(0, 255, ...Buffer.from(name));
  return {
    key,
    keyText: keyText(key),
    bucket: bucketOf(key),
    epoch: BigInt(epoch),
    hexVersion,
    lastEventId: hexVersion === 0 ? undefined : sha256(durable).slice(0, 16),
    volatileCount,
    stateFormat: 3,
    durable,
    durableHash: sha256(durable),
    volatile: Buffer.from(`volatile of ${name}`),
    readable: JSON.stringify({ name, level: 2, share: 0.5, stock: { wood: [1, 2 ** 40] } }),
    updatedMs: Date.now(),
  };
}

/** What must come back as it was given; the bytes as text, the readable state as what it says. */
function comparable(snapshot: Snapshot | undefined): unknown {
  if (snapshot === undefined) return undefined;
  const { updatedMs: _, ...rest } = snapshot;
  return {
    ...rest,
    lastEventId: Buffer.from(snapshot.lastEventId ?? []).toString("hex"),
    durable: Buffer.from(snapshot.durable).toString("hex"),
    durableHash: Buffer.from(snapshot.durableHash).toString("hex"),
    volatile: Buffer.from(snapshot.volatile).toString("hex"),
    readable: JSON.parse(snapshot.readable) as unknown,
  };
}

export function describeSnapshotStore(
  name: string,
  start: () => Promise<SnapshotDatabaseUnderTest>,
): void {
  describe(`the snapshot store on ${name}`, () => {
    let database: SnapshotDatabaseUnderTest;
    let store: SnapshotStore;
    beforeEach(async () => {
      database = await start();
      store = database.open();
    });
    afterEach(async () => {
      await store.close();
      await database.end();
    });

    /** What the store has of the hexes of `snapshots`, in their order. */
    async function stored(snapshots: readonly Snapshot[]): Promise<unknown[]> {
      const found = await store.load(snapshots);
      return snapshots.map((snapshot) => comparable(found.get(snapshot.keyText)));
    }

    it("may be closed twice: by who was given it, and by who gave it", async () => {
      const other = database.open();
      await other.connect();
      await other.close();
      await expect(other.close()).resolves.toBeUndefined();
    });

    it("connects before it is used, and says when it cannot", async () => {
      await store.connect();
      const nowhere = database.open({ host: "127.0.0.1", port: 1 });
      await expect(nowhere.connect()).rejects.toBeInstanceOf(Error);
      await nowhere.close();
    });

    it("gives back every field as it was saved", async () => {
      // An epoch that a double does not hold, and versions beyond 32 bits.
      const large: Snapshot = {
        ...snapshotOf(0, [1, 2 ** 33 + 1, 2 ** 34 + 3]),
        epoch: 2n ** 60n + 1n,
      };
      const empty: Snapshot = {
        ...snapshotOf(1, [1, 0, 0]),
        durable: new Uint8Array(0),
        volatile: new Uint8Array(0),
        readable: "{}",
      };
      await store.save([large, empty]);
      expect(await stored([large, empty])).toEqual([large, empty].map(comparable));
      const saved = (await store.load([large])).get(large.keyText)!;
      expect(Math.abs(saved.updatedMs - Date.now())).toBeLessThan(60_000);
    });

    it("keeps apart the layers of a cell", async () => {
      const surface = snapshotOf(0, [1, 1, 0]);
      const key = { ...surface.key, layerId: 2 ** 32 - 1 };
      const below = { ...snapshotOf(2, [1, 5, 0]), key, keyText: keyText(key) };
      const deep = { ...below, bucket: bucketOf(key) };
      await store.save([surface, deep]);
      expect(await stored([surface, deep])).toEqual([surface, deep].map(comparable));
    });

    it("gives nothing for what it does not have, and the rest", async () => {
      const [known, unknown] = [snapshotOf(0, [1, 1, 0]), snapshotOf(1, [1, 1, 0])];
      expect(await store.load([unknown])).toEqual(new Map());
      expect(await store.load([])).toEqual(new Map());
      await store.save([known]);
      expect([...(await store.load([unknown, known])).keys()]).toEqual([known.keyText]);
    });

    /** Ascending; each is newer than all before it, by its first part that differs. */
    const orders: readonly Order[] = [
      [1, 1, 9],
      [1, 2, 0],
      [1, 2, 1],
      [1, 10, 0],
      [2, 1, 0],
      [2, 1, 1],
      [10, 0, 0],
    ];
    const pairs = orders.flatMap((first) => orders.map((second) => [first, second] as const));

    it("goes forward only in epoch, version and volatile count, whichever comes first", async () => {
      // A hex for each pair: the second save meets some to overwrite and some to leave.
      await store.save(pairs.map(([first], i) => snapshotOf(i, first)));
      await store.save(pairs.map(([, second], i) => snapshotOf(i, second)));
      const newest = pairs.map(([first, second], i) => {
        const isNewer = orders.indexOf(second) > orders.indexOf(first);
        return snapshotOf(i, isNewer ? second : first);
      });
      expect(await stored(newest)).toEqual(newest.map(comparable));
    });

    it("leaves a snapshot alone when another of the same place in the order comes", async () => {
      const first = snapshotOf(0, [1, 1, 1]);
      await store.save([first]);
      await store.save([{ ...first, volatile: Buffer.from("another"), updatedMs: 1 }]);
      expect(await stored([first])).toEqual([first].map(comparable));
    });

    it("saves and updates 120 at once", async () => {
      const all = Array.from({ length: 120 }, (_, i) => snapshotOf(i, [1, i, 0]));
      // Some are there already: bulks are mixed.
      await store.save(all.filter((_, i) => i % 3 === 0).map((s) => ({ ...s, epoch: 0n })));
      await store.save(all);
      expect(await stored(all)).toEqual(all.map(comparable));
      const later = all.map((_, i) => snapshotOf(i, [1, i, 1]));
      await store.save(later);
      expect(await stored(later)).toEqual(later.map(comparable));
    });

    it("ends with the newest when two stores save the same new hexes at once, in opposite orders", async () => {
      const other = database.open();
      try {
        for (let round = 0; round < 10; round++) {
          const hexes = Array.from({ length: 12 }, (_, i) => round * 12 + i);
          const older = hexes.map((i) => snapshotOf(i, [1, 1, 0]));
          const newer = hexes.map((i) => snapshotOf(i, [2, 1, 0]));
          await Promise.all([store.save(older), other.save(newer.toReversed())]);
          expect(await stored(newer)).toEqual(newer.map(comparable));
        }
      } finally {
        await other.close();
      }
    });

    it("ends with the newest when two stores update the same hexes in opposite orders, at once where the server can", async () => {
      const { noUpdatesAtOnce } = database;
      const other = database.open();
      const of = (order: Order): Snapshot[] =>
        Array.from({ length: 120 }, (_, i) => snapshotOf(i, order));
      try {
        await store.save(of([1, 0, 0]));
        for (let version = 1; version <= 20; version++) {
          const first = store.save(of([1, version, 0]));
          if (noUpdatesAtOnce !== undefined) await first;
          await Promise.all([first, other.save(of([1, version, 1]).toReversed())]);
          expect(await stored(of([1, version, 1]))).toEqual(of([1, version, 1]).map(comparable));
        }
      } finally {
        await other.close();
      }
    });

    it("rejects soon when nothing listens at its address", async () => {
      const relay = await startRelay(database.address);
      await relay.end();
      const nowhere = database.open(relay.address);
      expect(await slowestRejectionMs(nowhere)).toBeLessThan(answerMsMax);
      await nowhere.close();
    });

    it("rejects soon when the server has become silent", async () => {
      const relay = await startRelay(database.address);
      const behind = database.open(relay.address);
      const snapshot = snapshotOf(0, [1, 1, 0]);
      // Control: it works through the relay.
      await behind.save([snapshot]);
      expect((await behind.load([snapshot])).size).toBe(1);
      relay.silence();
      expect(await slowestRejectionMs(behind)).toBeLessThan(answerMsMax);
      await relay.end();
      await behind.close();
    });
  });
}

/** How long a load and a save took to reject; the longer of both. */
async function slowestRejectionMs(store: SnapshotStore): Promise<number> {
  const snapshot = snapshotOf(0, [1, 2, 0]);
  let slowestMs = 0;
  for (const operation of [() => store.load([snapshot]), () => store.save([snapshot])]) {
    const startedMs = performance.now();
    await expect(operation()).rejects.toBeInstanceOf(Error);
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
  }
  return slowestMs;
}

interface Relay {
  readonly address: Address;
  /** From now on it passes nothing, and keeps every connection. */
  silence(): void;
  end(): Promise<void>;
}

/** Passes TCP connections on to an address. */
async function startRelay(to: Address): Promise<Relay> {
  const sockets = new Set<Socket>();
  let silent = false;
  const server = createServer((near) => {
    const far = connect(to);
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (bytes) => {
        if (!silent) into.write(bytes);
      });
      from.on("error", () => undefined);
      from.on("close", () => into.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: { host: "127.0.0.1", port },
    silence() {
      silent = true;
    },
    async end() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
