import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { keyBytes, keyText } from "@hexhold/hex";
import { idempotencyKeyOf, uuidv7Bytes } from "@hexhold/messaging";
import { expect, it, vi } from "vitest";
import { RulesHostGoneError } from "../rules/rules-host.ts";
import {
  account,
  admin,
  answers,
  answerTo,
  aWhile,
  broker,
  ends,
  enter,
  epochNow,
  failing,
  game,
  gather,
  holdCommits,
  holdJournal,
  journalTypes,
  key,
  life,
  pool,
  publish,
  rulesOf,
  runner,
  slot,
  spawn,
  start,
  untilCommitWaits,
  useSlotDriver,
} from "./slot-driver.testing.ts";

useSlotDriver();

it("neither answers nor acks before the commit, and does both after it", async () => {
  await start();
  await holdCommits();
  const born = spawn();
  let acked = false;
  const handled = publish(born).then(() => (acked = true));
  await untilCommitWaits();
  await aWhile();
  expect({ acked, answers }).toEqual({ acked: false, answers: [] });
  await admin.query("COMMIT");
  await handled;
  expect((await answerTo(born)).outcome.case).toBe("applied");
  expect(await journalTypes()).toEqual(["player-spawned"]);
});

it("a command whose owner dies before the commit comes to the next one, and is applied once", async () => {
  await start();
  const first = await epochNow();
  await holdCommits();
  const born = spawn();
  const handled = publish(born);
  await untilCommitWaits();
  await die();
  expect(answers).toEqual([]);
  await start(await epochNow());
  await handled;
  const answer = await answerTo(born);
  expect(answer.outcome.case).toBe("applied");
  expect(answer.epoch).toBe(first + 1n);
  expect(await journalTypes()).toEqual(["player-spawned"]);
});

/** As the death of a worker whose commits are held up: its connections end, and nothing is acked or given back. */
async function die(): Promise<void> {
  life.isOver = true;
  // Gone, not only told to go: a commit that is let free now must not be taken for one of the next worker.
  await pool.query(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
     WHERE application_name LIKE 'worker:%' AND datname = current_database()`,
  );
  await admin.query("COMMIT");
  await life.bus.close();
}

/** How many messages each commit stored, as transactions of the journal. */
async function commitSizes(): Promise<number[]> {
  const { rows } = await admin.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM world.journal GROUP BY xmin ORDER BY min(hex_version)",
  );
  return rows.map(({ n }) => n);
}

async function attempts(): Promise<number[]> {
  const { rows } = await pool.query<{ attempts: number }>(
    "SELECT attempts FROM world.suspect_attempt ORDER BY attempts",
  );
  return rows.map((row) => row.attempts);
}

it("what a dead worker had in hand is tried together, with an attempt noted on each meanwhile", async () => {
  await start();
  await holdCommits();
  const commands = [spawn(), enter(), gather()];
  const handled = publish(...commands);
  await untilCommitWaits();
  expect(await attempts()).toEqual([]);
  await die();
  await start(await epochNow());
  await handled;
  for (const each of commands) expect((await answerTo(each)).outcome.case).toBe("applied");
  expect(await commitSizes()).toEqual([3]);
  expect(await attempts()).toEqual([]);
});

it("when the next worker dies too, each is tried alone", async () => {
  await start();
  const commands = [spawn(), enter(), gather()];
  await holdJournal();
  const handled = publish(...commands);
  await untilCommitWaits();
  await die();
  await holdJournal();
  await start(await epochNow());
  await untilCommitWaits();
  expect(await attempts()).toEqual([1, 1, 1]);
  await die();
  await start(await epochNow());
  await handled;
  for (const each of commands) expect((await answerTo(each)).outcome.case).toBe("applied");
  expect(await commitSizes()).toEqual([1, 1, 1]);
  expect(await attempts()).toEqual([1, 1, 1]);
});

it("a command over which five workers died is dead-lettered, and those beside it are not", async () => {
  await start();
  const [born, doomed, entering] = [spawn(), gather(), enter()] as const;
  await holdCommits();
  const handled = publish(born, doomed, entering);
  await untilCommitWaits();
  await die();
  await admin.query("INSERT INTO world.suspect_attempt VALUES ($1, $2, 5)", [
    idempotencyKeyOf({
      accountId: account,
      requestId: doomed.requestId,
      type: "cmd.hex.gather",
      target: keyBytes(key),
    }),
    slot,
  ]);
  await start(await epochNow());
  await handled;
  expect((await answerTo(doomed)).outcome).toMatchObject({
    case: "error",
    value: { errorCode: ErrorCode.DEAD_LETTERED },
  });
  for (const each of [born, entering]) {
    expect((await answerTo(each)).outcome.case).toBe("applied");
  }
  expect(await journalTypes()).toEqual(["player-spawned", "player-entered"]);
  const { rows } = await admin.query("SELECT 1 FROM world.outbox WHERE destination = 'router'");
  expect(rows).toHaveLength(1);
});

it("a command that makes the driver fail is dead-lettered after five attempts, as one that kills it", async () => {
  const fail = (): void => {
    const decide = rulesOf.decide.bind(rulesOf);
    rulesOf.decide = async (...given) => {
      if (given[2].some(({ type }) => type === "cmd.hex.gather")) throw new Error("a defect");
      return decide(...given);
    };
  };
  await start(0n, game, fail);
  const [born, doomed] = [spawn(), gather()] as const;
  const handled = publish(born, doomed);
  const seen: number[][] = [];
  // The one that had it first, and five attempts.
  for (let death = 1; death <= 6; death++) {
    await vi.waitFor(() => expect(ends).toHaveLength(death), { timeout: 5000, interval: 5 });
    seen.push(await attempts());
    // Neither acked nor given back in good order: so the next owner treats what comes again as suspect.
    const { rows } = await admin.query("SELECT released FROM world.slot");
    expect(rows).toEqual([{ released: false }]);
    expect(broker.depths()).toMatchObject([{ ready: 1, unacked: 0 }]);
    await start(await epochNow(), game, fail);
  }
  await handled;
  expect(ends).toEqual(Array.from({ length: 6 }, () => "failed"));
  expect(seen).toEqual([[], [1, 1], [1, 2], [1, 3], [1, 4], [1, 5]]);
  expect((await answerTo(doomed)).outcome).toMatchObject({
    case: "error",
    value: { errorCode: ErrorCode.DEAD_LETTERED },
  });
  expect(await journalTypes()).toEqual(["player-spawned"]);
});

it("a commit without an answer: a new epoch first, then the command again, once", async () => {
  await start();
  const first = await epochNow();
  await publish(spawn(), enter());
  await holdCommits();
  const taking = gather();
  const handled = publish(taking);
  await untilCommitWaits();
  await pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name LIKE 'worker:%' AND datname = current_database()`,
  );
  await admin.query("COMMIT");
  await handled;
  const answer = await answerTo(taking);
  expect(answer.outcome.case).toBe("applied");
  expect(answer.epoch).toBeGreaterThan(first);
  expect(await journalTypes()).toEqual(["player-spawned", "player-entered", "gathered"]);
  expect(ends).toEqual([]);
});

it("every answer of the rules is stored: the next owner repeats it, applied or refused", async () => {
  await start();
  await publish(spawn());
  const early = gather();
  await publish(early);
  const entering = enter();
  await publish(entering);
  const taking = gather();
  await publish(taking);
  expect((await answerTo(early)).outcome).toMatchObject({
    case: "refused",
    value: { reason: "offline" },
  });
  await runner.release("another takes it", () => Promise.resolve());
  await start(await epochNow());
  // Now it would be applied, but it has been answered.
  const earlyAgain = gather(early.requestId);
  const takingAgain = gather(taking.requestId);
  await publish(earlyAgain, takingAgain);
  expect(await answerTo(earlyAgain)).toMatchObject({
    replayed: true,
    outcome: { case: "refused", value: { reason: "offline" } },
  });
  expect(await answerTo(takingAgain)).toMatchObject({
    replayed: true,
    outcome: (await answerTo(taking)).outcome,
  });
  expect(await journalTypes()).toEqual(["player-spawned", "player-entered", "gathered"]);
});

it("a dead letter is an answer like any other: stored, and repeated though the rules are mended", async () => {
  await start(0n, failing);
  await publish(spawn(), enter());
  const doomed = gather();
  await publish(doomed);
  const error = { case: "error", value: { errorCode: ErrorCode.DEAD_LETTERED } };
  expect((await answerTo(doomed)).outcome).toMatchObject(error);
  await runner.release("mended", () => Promise.resolve());
  await start(await epochNow());
  const again = gather(doomed.requestId);
  await publish(again);
  expect(await answerTo(again)).toMatchObject({ replayed: true, outcome: error });
  expect(await journalTypes()).toEqual(["player-spawned", "player-entered"]);
  const { rows } = await admin.query("SELECT 1 FROM world.outbox WHERE destination = 'router'");
  expect(rows).toHaveLength(1);
});

it("a hex that cannot be activated is marked, and the mark goes when it can", async () => {
  const marks = async (): Promise<number> =>
    (await admin.query("SELECT 1 FROM world.quarantined_hex")).rows.length;
  await start();
  await publish(spawn());
  await runner.release("looked at", () => Promise.resolve());
  await admin.query("UPDATE world.journal SET type = 'evt.hex.nonsense'");
  await start(await epochNow());
  const refused = enter();
  await publish(refused);
  expect((await answerTo(refused)).outcome).toMatchObject({
    case: "error",
    value: { errorCode: ErrorCode.UNAVAILABLE, reason: "hex-quarantined" },
  });
  expect(await marks()).toBe(1);
  await runner.release("mended", () => Promise.resolve());
  await admin.query("UPDATE world.journal SET type = 'evt.hex.player-spawned'");
  await start(await epochNow());
  await vi.waitFor(() => expect(runner.table.marked.size).toBe(1), { timeout: 5000 });
  const entering = enter();
  await publish(entering);
  expect((await answerTo(entering)).outcome.case).toBe("applied");
  expect(await marks()).toBe(0);
});

it("a command that was executed before its hex was set aside is answered with its result", async () => {
  await start();
  const born = spawn();
  await publish(born);
  await runner.release("looked at", () => Promise.resolve());
  await admin.query("UPDATE world.journal SET type = 'evt.hex.nonsense'");
  await start(await epochNow());
  answers.length = 0;
  await publish(born, enter());
  await vi.waitFor(() => expect(answers).toHaveLength(2), { timeout: 5000 });
  expect(answers).toMatchObject([
    { replayed: true, outcome: { case: "applied" } },
    { replayed: false, outcome: { case: "error", value: { reason: "hex-quarantined" } } },
  ]);
});

it("a command that comes twice in one message has one effect, and each send its answer", async () => {
  await start();
  const taking = gather();
  const again = gather(taking.requestId);
  await publish(spawn(), enter(), taking, again);
  expect((await answerTo(again)).replayed).toBe(true);
  expect((await answerTo(again)).outcome).toEqual((await answerTo(taking)).outcome);
  expect(await journalTypes()).toEqual(["player-spawned", "player-entered", "gathered"]);
});

it("whose slot was taken by another commits nothing more, acks nothing, and ends", async () => {
  await start();
  await publish(spawn());
  await admin.query("SELECT world.take_slot($1, $2, 'other#1')", [slot, await epochNow()]);
  const late = enter();
  void publish(late);
  await vi.waitFor(() => expect(ends).toEqual(["fenced"]), { timeout: 5000, interval: 10 });
  expect(answers.some((answer) => Buffer.from(answer.commandEventId).equals(late.eventId))).toBe(
    false,
  );
  expect(broker.depths()).toMatchObject([{ ready: 1, unacked: 0 }]);
  expect(await journalTypes()).toEqual(["player-spawned"]);
});

it("a grant that comes too late takes nothing: nothing is consumed and nothing loaded", async () => {
  await start();
  await publish(spawn());
  const epoch = await epochNow();
  await runner.release("another takes it", () => Promise.resolve());
  await admin.query("SELECT world.take_slot($1, $2, 'other#1')", [slot, epoch]);
  const waiting = enter();
  void publish(waiting);
  expect(await start(epoch)).toBe(false);
  await aWhile();
  expect(broker.depths()).toMatchObject([{ ready: 1, unacked: 0, consumers: 0 }]);
  expect(await rulesOf.capture(slot, ["861f1d48fffffff"])).toEqual([]);
});

it("a hex whose head stays stale is quarantined after five attempts, and holds up no other", async () => {
  await start();
  await publish(spawn());
  await admin.query(`
    CREATE FUNCTION world.stale() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'stale' USING ERRCODE = 'HX002'; END $$;
    CREATE TRIGGER stale BEFORE UPDATE ON world.hex_head FOR EACH ROW EXECUTE FUNCTION world.stale()`);
  const refused = enter();
  void publish(refused);
  expect((await answerTo(refused)).outcome).toMatchObject({
    case: "error",
    value: { errorCode: ErrorCode.UNAVAILABLE, reason: "hex-quarantined" },
  });
  await admin.query("DROP FUNCTION world.stale CASCADE");
  await runner.release("mended", () => Promise.resolve());
  await start(await epochNow());
  const entering = enter();
  await publish(entering);
  expect((await answerTo(entering)).outcome.case).toBe("applied");
});

it("a command that overran is given up as a letter though its deadline passes meanwhile, also when it is sent again", async () => {
  let tries = 0;
  await start(0n, game, () => {
    const decide = rulesOf.decide.bind(rulesOf);
    rulesOf.decide = async (...given) => {
      const index = given[2].findIndex(({ type }) => type === "cmd.hex.gather");
      if (index < 0) return decide(...given);
      tries++;
      await aWhile();
      return { outcomes: [], fault: { kind: "overran", index, error: "too long" } };
    };
  });
  await publish(spawn(), enter());
  const doomed = gather(uuidv7Bytes(), Date.now() + 100);
  const again = gather(doomed.requestId);
  await publish(doomed, again);
  const letter = { case: "error", value: { errorCode: ErrorCode.DEAD_LETTERED } };
  expect((await answerTo(doomed)).outcome).toMatchObject(letter);
  expect(await answerTo(again)).toMatchObject({ replayed: true, outcome: letter });
  expect(tries).toBe(5);
  const { rows } = await admin.query("SELECT 1 FROM world.outbox WHERE destination = 'router'");
  expect(rows).toHaveLength(1);
});

/** As a rules thread that is ended at this test's hex, whenever it is loaded. */
function dyingAtLoad(): { loads: number } {
  const seen = { loads: 0 };
  const load = rulesOf.load.bind(rulesOf);
  rulesOf.load = (of, hexes) => {
    const at = hexes.findIndex((hex) => hex.keyText === keyText(key));
    if (at < 0) return load(of, hexes);
    seen.loads++;
    return Promise.reject(new RulesHostGoneError("in a test", at));
  };
  return seen;
}

it("a hex at whose load the rules end five times is quarantined, and the slot goes on", async () => {
  let seen = { loads: 0 };
  await start(0n, game, () => (seen = dyingAtLoad()));
  const born = spawn();
  await publish(born);
  expect((await answerTo(born)).outcome).toMatchObject({
    case: "error",
    value: { reason: "hex-quarantined" },
  });
  expect(seen.loads).toBe(5);
  const { rows } = await admin.query("SELECT reason FROM world.quarantined_hex");
  expect(rows).toEqual([{ reason: expect.stringMatching(/ended 5 times.*in a test/) as string }]);
  const again = spawn();
  await publish(again);
  expect((await answerTo(again)).outcome.case).toBe("error");
  expect(seen.loads).toBe(5);
});

it("a slot knows the marks of its own hexes, and no more of them than it has room for", async () => {
  // Of a hex that another slot has, of one of its own, and of one that has no head.
  await admin.query(
    `INSERT INTO world.hex_head (bucket, hex_id, layer_id, hex_version, epoch, slot, decided_at)
     SELECT 0, n, 0, 1, 1, CASE n WHEN 1 THEN 'cmd.p1' ELSE $1 END, now() FROM generate_series(1, 2) AS n`,
    [slot],
  );
  await admin.query(
    "INSERT INTO world.quarantined_hex SELECT 0, n, 0, 'a test' FROM generate_series(1, 3) AS n",
  );
  await start();
  await vi.waitFor(() => expect(runner.table.marked.size).toBeGreaterThan(0), { timeout: 5000 });
  expect([...runner.table.marked].toSorted()).toEqual(
    [2n, 3n].map((hexId) => keyText({ hexId, layerId: 0 })),
  );
  await runner.release("looked at", () => Promise.resolve());
  await admin.query(
    "INSERT INTO world.quarantined_hex SELECT 1, n, 0, 'a test' FROM generate_series(4, 12000) AS n",
  );
  await start(await epochNow());
  await vi.waitFor(() => expect(runner.table.marked.size).toBeGreaterThan(0), { timeout: 5000 });
  expect(runner.table.marked.size).toBe(10_000);
});
