import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { diskOf, hexAt, keyText, parseKeyText } from "@hexhold/hex";
import { noBytes, sha256 } from "@hexhold/messaging";
import { openChannel } from "@hexhold/rpc";
import { joinPlayer, startWorld, type World } from "@hexhold/testing";
import { MongoClient } from "mongodb";
import { expect, it } from "vitest";
import { foldJournal } from "../fold-journal.ts";
import { startPlay } from "../play.ts";

const env = { HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "100000000" };
/** Snapshots are due 10 s after a change at the latest; then they wait for their turn. */
const snapshotMsMax = 15_000;

it("an emptied MongoDB and a restart leave every hex's durable hash as it was", async () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), "hexhold-rebuild-"));
  let world = await startWorld({ profile: "cluster", env, dataDir });
  try {
    // Far from where the guest of each start is born.
    const places = diskOf(hexAt(48.85, 2.35), 1).map((hexId) => keyText({ hexId, layerId: 0 }));
    const play = await startPlay(world, 14, 20, places);
    await pause(3000);
    await play.finish();
    // Whoever does not leave is taken offline a while later, which would be a change.
    await Promise.all(play.players.map((player) => player.command("cmd.hex.leave", noBytes)));
    for (const player of play.players) player.close();
    const keys = [...new Set(play.players.map((player) => player.player.key))];
    const folded = await foldJournal(world.status().services["postgres"]!.url);
    const expected = new Map(
      keys.map((key) => [
        key,
        hexOf(sha256(Buffer.from(folded.get(String(parseKeyText(key).hexId))!, "hex"))),
      ]),
    );
    const saved = async (): Promise<unknown> => {
      const documents = await documentHashes(world);
      return new Map(keys.map((key) => [key, documents.get(key)]));
    };
    await expect.poll(saved, { timeout: snapshotMsMax, interval: 250 }).toEqual(expected);
    expect(await hashes(world, keys)).toEqual(expected);

    await emptied(world);
    await world.stop();
    world = await startWorld({ profile: "cluster", env, dataDir });
    const left = await documentHashes(world);
    expect(keys.filter((key) => left.has(key))).toEqual([]);
    // Nothing is activated by looking: somebody has to play there again.
    for (const { player } of play.players) {
      const again = await joinPlayer(world.status().endpoints.ws, player);
      await again.command("cmd.hex.observe", noBytes);
      again.close();
    }
    expect(await hashes(world, keys)).toEqual(expected);
    console.log(`${keys.length} hexes rebuilt from the journal alone`);
  } finally {
    await world.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

/** Hashes as the worker has them in memory, by key text. */
async function hashes(world: World, keys: readonly string[]): Promise<Map<string, string>> {
  const { endpoints, adminToken } = world.status();
  const channel = openChannel(endpoints.admin, { token: adminToken });
  try {
    const admin = channel.client(AdminService);
    const found = new Map<string, string>();
    for (const key of keys) found.set(key, (await admin.getHex({ key })).stateHash);
    return found;
  } finally {
    channel.close();
  }
}

/** Hashes in `world.hex_state`, by key text. */
async function documentHashes(world: World): Promise<Map<string, string>> {
  return onMongo(world, async (client) => {
    const documents = await client
      .db("world")
      .collection<{ _id: string; state_hash: { buffer: Uint8Array } }>("hex_state")
      .find()
      .toArray();
    return new Map(documents.map((document) => [document._id, hexOf(document.state_hash.buffer)]));
  });
}

async function emptied(world: World): Promise<void> {
  await onMongo(world, async (client) => {
    await client.db("world").collection("hex_state").deleteMany({});
  });
}

async function onMongo<T>(world: World, work: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = await MongoClient.connect(world.status().services["mongodb"]!.url);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
