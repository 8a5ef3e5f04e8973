/**
 * A database that comes back from an earlier moment, as after the restore of a backup: what a worker remembers, and
 * what was minted after that moment, counts no more.
 */
import { expect, it, vi } from "vitest";
import {
  admin,
  answerTo,
  ends,
  enter,
  epochNow,
  gather,
  journalTypes,
  pool,
  publish,
  publishFrom,
  rulesOf,
  runner,
  slot,
  spawn,
  start,
  useSlotDriver,
} from "./slot-driver.testing.ts";

useSlotDriver();

const tables = ["slot", "hex_head", "journal", "command_result", "outbox", "timer"];

async function keepMoment(): Promise<void> {
  await admin.query("DROP SCHEMA IF EXISTS moment CASCADE; CREATE SCHEMA moment");
  for (const table of tables) {
    await admin.query(`CREATE TABLE moment.${table} AS TABLE world.${table}`);
  }
  await admin.query(`CREATE TABLE moment.sequences AS
    SELECT (SELECT last_value FROM world.epoch) AS epoch,
      (SELECT last_value FROM world.outbox_position) AS position`);
}

/** Rows and sequences as they were; the server has been started anew, as its mark says. */
async function comeBack(): Promise<void> {
  await admin.query("BEGIN");
  for (const table of tables) {
    await admin.query(
      `DELETE FROM world.${table}; INSERT INTO world.${table} TABLE moment.${table}`,
    );
  }
  await admin.query(`SELECT setval('world.epoch', epoch), setval('world.outbox_position', position)
    FROM moment.sequences`);
  await admin.query("UPDATE world.database_life SET mark = 'another start'");
  await admin.query("COMMIT");
  await pool.query(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
     WHERE application_name LIKE 'worker:%' AND datname = current_database()`,
  );
}

it("the owner of a slot drops what it remembers, answers included, and goes on from the journal", async () => {
  await start();
  await publish(spawn(), enter());
  await keepMoment();
  const lost = gather();
  await publish(lost, gather());
  expect((await answerTo(lost)).hexVersion).toBe(3n);
  await comeBack();
  const again = gather(lost.requestId);
  await publish(again);
  // Not from memory: this history has no such result.
  expect(await answerTo(again)).toMatchObject({
    replayed: false,
    hexVersion: 3n,
    outcome: { case: "applied" },
  });
  expect(await journalTypes()).toEqual(["player-spawned", "player-entered", "gathered"]);
  expect(ends).toEqual([]);
  const [captured] = await rulesOf.capture(slot, ["861f1d48fffffff"]);
  expect(captured?.hexVersion).toBe(3);
});

it("shows what the database has now at once, though nobody asks", async () => {
  await start();
  await publish(spawn(), enter());
  await keepMoment();
  await publish(gather(), gather());
  const version = async (): Promise<number | undefined> =>
    (await rulesOf.capture(slot, ["861f1d48fffffff"]))[0]?.hexVersion;
  expect(await version()).toBe(4);
  const [before] = [...runner.table];
  await comeBack();
  await vi.waitFor(async () => expect(await version()).toBe(2), { timeout: 5000, interval: 10 });
  await vi.waitFor(() => expect(runner.table.size).toBe(1), { timeout: 5000, interval: 10 });
  const [after] = [...runner.table];
  // Whoever watches hears of it by its digest.
  expect(after!.changedMs).toBeGreaterThan(0);
  expect(Buffer.compare(after!.activationId, before!.activationId)).toBe(1);
});

it("what another hex sent in that moment is dropped, unless this database has it, too", async () => {
  await start();
  await publish(spawn());
  await keepMoment();
  await comeBack();
  const life = async (): Promise<bigint> => {
    const { rows } = await admin.query<{ life: string }>("SELECT life FROM world.database_life");
    return BigInt(rows[0]!.life);
  };
  await publish(enter());
  const earlier = (await life()) - 1n;
  await admin.query(
    `INSERT INTO world.outbox (slot, destination, position, day, envelope)
     VALUES ('cmd.p5', 'hex', 7, current_date, '')`,
  );
  const [kept, lost] = [gather(), gather()];
  await publishFrom(
    { life: earlier, places: [7n, 8n].map((position) => ({ slot: "cmd.p5", position })) },
    kept,
    lost,
  );
  expect((await answerTo(kept)).outcome.case).toBe("applied");
  expect(await journalTypes()).toEqual(["player-spawned", "player-entered", "gathered"]);
});

it("epochs and positions that were drawn after the moment are not drawn again", async () => {
  await start();
  await publish(spawn(), enter());
  await keepMoment();
  await publish(gather());
  const { rows: before } = await admin.query<{ position: string }>(
    "SELECT max(position) AS position FROM world.outbox",
  );
  const lastEpoch = await epochNow();
  await comeBack();
  await publish(gather());
  const { rows: after } = await admin.query<{ position: string }>(
    "SELECT max(position) AS position FROM world.outbox",
  );
  expect(BigInt(after[0]!.position)).toBeGreaterThan(BigInt(before[0]!.position));
  expect(await epochNow()).toBeGreaterThan(lastEpoch);
  expect(await epochNow()).toBeGreaterThan(1_700_000_000_000n);
});

it("an owner that was fenced before the moment stays fenced after it", async () => {
  await start();
  await publish(spawn());
  await keepMoment();
  // Another takes the slot; then the database forgets that.
  await admin.query("SELECT world.take_slot($1, $2, 'other#1')", [slot, await epochNow()]);
  const other = await epochNow();
  await comeBack();
  await publish(enter());
  expect(await epochNow()).toBeGreaterThan(other);
  // The other's next commit, at its epoch, finds nothing.
  await expect(
    admin.query("SELECT world.quarantine($1, $2, 0::smallint, 1, 0, 'x')", [slot, other]),
  ).rejects.toMatchObject({ code: "HX001" });
});
