import { createLogger } from "@hexhold/telemetry";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  type ChatDatabase,
  local,
  newAccount,
  openChatDatabase,
  said,
  spawned,
  whisper,
  world,
} from "../../test/chat-database.ts";
import { startDays } from "./days.ts";

const dayMs = 86_400_000;
let database: ChatDatabase;

beforeAll(async () => {
  database = await openChatDatabase();
});
afterAll(async () => database?.close());

const partitions = async (kind: string): Promise<number> => {
  const rows = await database.rows("SELECT 1 FROM pg_inherits WHERE inhparent = to_regclass($1)", [
    `chat.message_${kind}`,
  ]);
  return rows.length;
};
const keeper = (worldNow: () => number) => {
  const logger = createLogger({ service: "chat", instance: "test", level: "silent" });
  const keepDays = { world: 3, hex: 7, whisper: 30 };
  const days = startDays({ pool: database.pool, keepDays, worldNow, logger });
  days.stop();
  return days;
};

it("each kind is kept for its days, and dropped whole; nothing is by a clock that was set forward", async () => {
  const [anna, bert] = [newAccount(), newAccount()];
  const chat = database.open();
  await chat.run(spawned(anna), spawned(bert));
  for (const ago of [40, 31, 30, 8, 7, 4, 3, 0]) {
    database.nowMs = Date.now() - ago * dayMs;
    const outcomes = await chat.run(world(anna), local(anna), whisper(anna, bert));
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(["applied", "applied", "applied"]);
  }
  const counts = () =>
    database.rows(
      "SELECT kind, count(*)::integer AS count, min(seq)::integer AS oldest FROM chat.message GROUP BY kind ORDER BY kind",
    );
  await keeper(() => Date.now()).keep();
  const left = [
    { kind: 1, count: 2, oldest: 7 },
    { kind: 2, count: 4, oldest: 5 },
    { kind: 3, count: 6, oldest: 3 },
  ];
  expect(await counts()).toEqual(left);
  await keeper(() => Date.now() + 400 * dayMs).keep();
  expect(await counts()).toEqual(left);
  // What goes on goes on behind the last number.
  expect((await chat.run(world(anna))).map(said)).toEqual(["world 9"]);
});

it("a day that nobody has made is made when something is said in it", async () => {
  const anna = newAccount();
  const chat = database.open();
  await chat.run(spawned(anna));
  const before = await partitions("hex");
  database.nowMs = Date.now() + 100 * dayMs;
  expect((await chat.run(local(anna)))[0]?.kind).toBe("applied");
  expect(await partitions("hex")).toBeGreaterThan(before);
});

it("days are made while others write", async () => {
  const chat = database.open();
  database.nowMs = Date.now();
  const speakers = Array.from({ length: 20 }, () => newAccount());
  await chat.run(...speakers.map((account) => spawned(account)));
  let isDone = false;
  const held = chat.runHeld(
    async () => {
      // The transaction has locked what it writes; it is not committed.
      await keeper(() => Date.now() + 200 * dayMs).ensure(Date.now() + 200 * dayMs);
      isDone = true;
    },
    ...speakers.map((account) => local(account)),
  );
  await held;
  expect(isDone).toBe(true);
});
