import { setTimeout as pause } from "node:timers/promises";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { decodeEnvelope, encodeEnvelope, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  deadlineOfPoison,
  enter,
  gathered,
  openTestDomain,
  poison,
  type TestDomain,
} from "../test/test-domain.ts";

let domain: TestDomain;

beforeEach(async () => {
  domain = await openTestDomain();
});

afterEach(async () => domain.close());

const lettersCounted = 'hexhold_domain_dead_letters_total{service="inventory"}';
const handlerRetries = 'hexhold_domain_retries_total{service="inventory",cause="handler"}';

test("events take effect once each and in order, however often they come", async () => {
  domain.start();
  const [first, second] = [uuidv7Bytes(), uuidv7Bytes()];
  await domain.send(gathered(1n, first), gathered(2n, second), gathered(1n, first));
  await domain.send(gathered(1n, first), gathered(2n, second), gathered(3n));
  await domain.untilAcked(2);
  expect(await domain.amounts()).toEqual([1, 2, 3]);
  expect(
    await domain.metric('hexhold_domain_messages_total{service="inventory",outcome="handled"}'),
  ).toBe(3);
  expect(
    await domain.metric('hexhold_domain_messages_total{service="inventory",outcome="replayed"}'),
  ).toBe(3);
});

test("what was sent in an earlier life of the database takes effect only if the outbox has it", async () => {
  const slot = "cmd.p1";
  await domain.query("SELECT world.current_life()");
  const [row] = await domain.query("SELECT life FROM world.database_life");
  const life = BigInt((row as { life: string }).life);
  await domain.query(
    `INSERT INTO world.outbox (slot, destination, position, day, subject, envelope)
     VALUES ('${slot}', 'inventory', 7, current_date, 's', '')`,
  );
  domain.start();
  const places = [7n, 8n].map((position) => ({ slot, position }));
  await domain.sendFrom({ life: life - 1n, places }, gathered(1n), gathered(2n));
  await domain.sendFrom({ life, places: [{ slot, position: 9n }] }, gathered(3n));
  await domain.send(gathered(4n));
  await domain.untilAcked(3);
  expect(await domain.amounts()).toEqual([1, 3, 4]);
  expect(
    await domain.metric('hexhold_domain_messages_total{service="inventory",outcome="unsent"}'),
  ).toBe(1);
});

test("a channel that is closed between commit and ack brings the message again, its effect not", async () => {
  domain.closeInsteadOfNextAck();
  domain.start();
  await domain.send(gathered(5n), enter());
  await domain.untilAcked(1);
  expect(await domain.amounts()).toEqual([5, -1]);
  await expect.poll(() => domain.answers.map(({ replayed }) => replayed)).toEqual([false, true]);
});

test("a connection that is ended during the commit costs nothing and no attempt", async () => {
  await domain.query(
    `CREATE FUNCTION inventory.linger() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;
     CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON inventory.effect
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION inventory.linger()`,
  );
  domain.start();
  await domain.send(gathered(5n));
  const ended = async (): Promise<number> => {
    const rows = await domain.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active'
         AND application_name = 'inventory:inventory-1' AND wait_event = 'PgSleep'
         AND datname = current_database()`,
    );
    return rows.length;
  };
  await expect.poll(ended, { timeout: 5_000, interval: 10 }).toBe(1);
  await domain.untilAcked(1);
  expect(await domain.amounts()).toEqual([5]);
  expect(domain.thrown()).toBe(0);
  expect(await domain.metric(handlerRetries)).toBe(0);
  expect(await domain.metric(lettersCounted)).toBe(0);
});

test("a commit whose answer is lost is not done twice", async () => {
  domain.proxy.swallowNextCommit();
  domain.start();
  await domain.send(gathered(5n), enter(), gathered(6n));
  await domain.untilAcked(1);
  expect(domain.proxy.swallowed).toBe(1);
  expect(await domain.amounts()).toEqual([5, -1, 6]);
  await expect.poll(() => domain.answers).toMatchObject([{ replayed: true }]);
});

test("while PostgreSQL is away a message is held, and handled when it is back", async () => {
  domain.proxy.setAway(true);
  domain.start();
  await domain.send(gathered(5n));
  await pause(1_500);
  expect(domain.acked).toBe(0);
  domain.proxy.setAway(false);
  await domain.untilAcked(1);
  expect(await domain.amounts()).toEqual([5]);
  expect(await domain.metric(lettersCounted)).toBe(0);
});

test("a server that is out of disk is away, too: no attempt is charged for it", async () => {
  await domain.query(
    `CREATE TABLE inventory.full_disk (is_full boolean);
     INSERT INTO inventory.full_disk VALUES (true);
     CREATE FUNCTION inventory.fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
       BEGIN
         IF EXISTS (SELECT 1 FROM inventory.full_disk) THEN
           RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100';
         END IF;
         RETURN NULL;
       END $$;
     CREATE TRIGGER fail AFTER INSERT ON inventory.effect EXECUTE FUNCTION inventory.fail()`,
  );
  domain.start();
  await domain.send(gathered(5n));
  await expect
    .poll(() => domain.metric('hexhold_domain_retries_total{service="inventory",cause="outage"}'))
    .toBeGreaterThan(1);
  await domain.query("TRUNCATE inventory.full_disk");
  await domain.untilAcked(1);
  expect(await domain.amounts()).toEqual([5]);
  expect(await domain.metric(handlerRetries)).toBe(0);
});

test("a service that stops while PostgreSQL is away leaves the message in its queue", async () => {
  domain.proxy.setAway(true);
  domain.start();
  await domain.send(gathered(5n));
  await pause(300);
  await domain.stop();
  expect(domain.acked).toBe(0);
  domain.proxy.setAway(false);
  domain.start();
  await domain.untilAcked(1);
  expect(await domain.amounts()).toEqual([5]);
});

test("what no attempt can handle becomes a letter each time it comes, and the messages around it are handled", async () => {
  domain.start();
  const bad = gathered(poison);
  await domain.send(gathered(1n), bad, gathered(2n));
  await domain.send(bad, gathered(3n));
  await domain.untilAcked(2);
  expect(await domain.amounts()).toEqual([1, 2, 3]);
  // Once with the others, then five times alone; and so its second copy, which the letter has left open.
  expect(domain.thrown()).toBe(12);
  const letters = await domain.letters(2);
  const letter = {
    attempts: 5,
    error: "Error: this cannot be stood",
    slot: "cmd.inventory.3",
    worker: "inventory-1",
  };
  expect(letters).toMatchObject([letter, letter]);
  expect(Buffer.from(letters[0]!.envelope).equals(bad)).toBe(true);
  await expect.poll(() => domain.query("SELECT 1 FROM inventory.outbox")).toEqual([]);
});

/** From here on rows with this id, or all rows, are refused for what they hold. */
async function refuse(table: string, when = ""): Promise<void> {
  await domain.query(
    `CREATE OR REPLACE FUNCTION inventory.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'not in this table' USING ERRCODE = '22021'; END $$;
     CREATE TRIGGER refuse BEFORE INSERT ON inventory.${table}
       FOR EACH ROW ${when} EXECUTE FUNCTION inventory.refuse()`,
  );
}

test("a message that not even its letter's commit can hold leaves its bytes, and nothing waits", async () => {
  const id = uuidv7Bytes();
  await refuse("inbox", `WHEN (NEW.event_id = '${uuidText(id)}')`);
  domain.start();
  const bad = gathered(2n, id);
  await domain.send(gathered(1n), bad, gathered(3n));
  await domain.untilAcked(1);
  expect(await domain.amounts()).toEqual([1, 3]);
  const letters = await domain.letters();
  expect(letters).toMatchObject([{ slot: "cmd.inventory.3", attempts: 5 }]);
  expect(letters[0]!.error).toMatch(/not in this table/);
  expect(Buffer.from(letters[0]!.envelope).equals(bad)).toBe(true);
});

test("a message whose letter is refused as well is let go and answered, and those behind it are handled", async () => {
  await refuse("outbox");
  domain.start();
  await domain.send(gathered(poison), enter({ deadlineMs: deadlineOfPoison }), gathered(3n));
  await domain.untilAcked(1);
  expect(await domain.amounts()).toEqual([3]);
  await expect
    .poll(() => domain.answers.map(({ outcome }) => outcome))
    .toMatchObject([{ case: "error", value: { errorCode: ErrorCode.DEAD_LETTERED } }]);
});

test("a letter leaves its event open: a later copy of it is handled, once", async () => {
  await domain.query(
    "CREATE TABLE inventory.closed AS SELECT true AS closed; GRANT SELECT ON inventory.closed TO hexhold_inventory",
  );
  await domain.query(
    `CREATE FUNCTION inventory.shut() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF EXISTS (SELECT 1 FROM inventory.closed) THEN RAISE EXCEPTION 'not now'; END IF;
         RETURN NULL;
       END $$;
     CREATE TRIGGER shut AFTER INSERT ON inventory.effect EXECUTE FUNCTION inventory.shut()`,
  );
  domain.start();
  const eventId = uuidv7Bytes();
  await domain.send(gathered(5n, eventId));
  await domain.untilAcked(1);
  expect(await domain.metric(lettersCounted)).toBe(1);
  await domain.query("TRUNCATE inventory.closed");
  await domain.send(gathered(5n, eventId), gathered(5n, eventId));
  await domain.send(gathered(5n, eventId));
  await domain.untilAcked(3);
  expect(await domain.amounts()).toEqual([5]);
});

test("what nobody here handles, and what cannot be read, becomes a letter", async () => {
  domain.start();
  const stranger = {
    ...decodeEnvelope(gathered(1n)),
    type: "evt.hex.unheard-of",
    messageVersion: 1,
  };
  const { eventId, payload } = stranger;
  const unknown = encodeEnvelope({
    type: stranger.type,
    messageVersion: 1,
    eventId,
    producer: { service: "worker", version: "1", instance: "worker-1" },
    tsMs: 1,
    payload,
  });
  await domain.send(unknown, new Uint8Array([0xff, 0xff]), gathered(2n));
  await domain.untilAcked(1);
  expect(await domain.amounts()).toEqual([2]);
  const errors = (await domain.letters(2)).map(({ error }) => error);
  expect(errors).toEqual([
    "nobody here handles evt.hex.unheard-of",
    expect.stringMatching(/^an envelope cannot be decoded/),
  ]);
});

test("a repeated command gets its stored answer, and another payload under its id none", async () => {
  domain.start();
  const requestId = uuidv7Bytes();
  await domain.send(enter({ requestId }), enter({ requestId }));
  await domain.send(enter({ requestId, payload: new Uint8Array([0x78, 0x01]) }));
  await domain.untilAcked(2);
  await expect.poll(() => domain.answers.length).toBe(3);
  const [first, again, other] = domain.answers;
  expect(first).toMatchObject({ replayed: false, outcome: { case: "applied" } });
  expect(again).toMatchObject({ replayed: true, outcome: first!.outcome });
  expect(other).toMatchObject({
    outcome: { case: "error", value: { errorCode: ErrorCode.IDEMPOTENCY_MISMATCH } },
  });
  expect(await domain.amounts()).toEqual([-1]);
});

test("a command that is given up is answered DEAD_LETTERED, and so is its repetition", async () => {
  domain.start();
  const requestId = uuidv7Bytes();
  await domain.send(enter({ requestId, deadlineMs: deadlineOfPoison }));
  await domain.send(enter({ requestId }));
  await domain.untilAcked(2);
  await expect.poll(() => domain.answers.length).toBe(2);
  for (const { outcome } of domain.answers) {
    expect(outcome).toMatchObject({
      case: "error",
      value: { errorCode: ErrorCode.DEAD_LETTERED, reason: "handler-failed" },
    });
  }
  expect(domain.answers.map(({ replayed }) => replayed)).toEqual([false, true]);
  expect(await domain.amounts()).toEqual([]);
  expect(await domain.letters()).toHaveLength(1);
});

test("a command that came too late, or from the wrong sender, is answered and not executed", async () => {
  domain.start();
  const day = 86_400_000;
  const old = uuidv7Bytes(Date.now() - 4 * day);
  await domain.send(
    enter({ deadlineMs: Date.now() - 1 }),
    enter({ requestId: old }),
    enter({ service: "market" }),
    enter({ service: "market", accountId: new Uint8Array(0) }),
    enter({ requestId: new Uint8Array(16).fill(1) }),
  );
  await domain.untilAcked(1);
  await expect.poll(() => domain.answers.length).toBe(5);
  const reasons = domain.answers.map(({ outcome }) =>
    outcome.case === "error" ? outcome.value.reason : outcome.case,
  );
  expect(reasons).toEqual([
    "expired",
    "request-id-too-old",
    "sender-not-allowed",
    "sender-not-allowed",
    "invalid-id",
  ]);
  expect(await domain.amounts()).toEqual([]);
  expect(await domain.query("SELECT 1 FROM inventory.result")).toEqual([]);
  // The control: in time, by the right sender.
  await domain.send(enter({ deadlineMs: Date.now() + 10_000 }));
  await domain.untilAcked(2);
  expect(await domain.amounts()).toEqual([-1]);
});

test("old rows of inbox and results go, and younger ones and what is open stay", async () => {
  domain.start();
  const [young, open] = [uuidv7Bytes(), uuidv7Bytes()];
  await domain.send(gathered(1n, young), gathered(2n), gathered(3n, open), enter(), enter());
  await domain.untilAcked(1);
  await domain.query(
    `UPDATE inventory.inbox SET received_at = received_at - interval '97 h' WHERE event_id <> '${uuidText(young)}';
     UPDATE inventory.inbox SET lettered = true WHERE event_id = '${uuidText(open)}';
     UPDATE inventory.result SET stored_at = stored_at - interval '73 h'
     WHERE idempotency_key = (SELECT idempotency_key FROM inventory.result LIMIT 1)`,
  );
  const [row] = await domain.query<{ gone: string }>(
    `SELECT inventory.prune(96, 72, 100, ${Date.now()}) AS gone`,
  );
  expect(Number(row!.gone)).toBe(2);
  expect(await domain.query("SELECT event_id::text FROM inventory.inbox ORDER BY 1")).toEqual([
    { event_id: uuidText(young) },
    { event_id: uuidText(open) },
  ]);
  expect(await domain.query("SELECT 1 FROM inventory.result")).toHaveLength(1);
  await expect(domain.query(`SELECT inventory.prune(95, 72, 100, ${Date.now()})`)).rejects.toThrow(
    /96 h/,
  );
});
