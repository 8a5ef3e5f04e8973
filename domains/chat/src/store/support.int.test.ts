/** What moderators see by plain SQL, and that it costs the service nothing. */
import { migrate, openPool, type PgPool } from "@hexhold/postgres";
import path from "node:path";
import { create } from "@bufbuild/protobuf";
import { ReportSchema } from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import { RemoveMessageSchema } from "@hexhold/gen/hexhold/chat/v1/moderation_pb";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  type ChatDatabase,
  commandOf,
  home,
  local,
  newAccount,
  openChatDatabase,
  spawned,
  whisper,
  world,
} from "../../test/chat-database.ts";
import { whisperChannel } from "../rules/channels.ts";
import { historyStatement } from "./message-rows.ts";

const directory = path.resolve(import.meta.dirname, "../../../../infra/pg_migrations");
/** Of this database alone: roles belong to the server. */
const moderator = `moderator_${process.pid}_${Date.now()}`;
const [anna, bert, carl] = [newAccount(), newAccount(), newAccount()];
const reported = whisperChannel(anna, bert);
const other = whisperChannel(anna, carl);

let database: ChatDatabase;
let support: PgPool;

beforeAll(async () => {
  database = await openChatDatabase();
  await database.admin.query(
    `CREATE ROLE ${moderator} LOGIN PASSWORD 'moderator' IN ROLE hexhold_support`,
  );
  await migrate({ adminUrl: database.adminUrl, directory });
  const url = new URL(database.adminUrl);
  url.username = moderator;
  url.password = "moderator";
  support = openPool({ url: url.href, applicationName: "moderator" }, 2);
  const chat = database.open({
    whisper: { burst: 100, perSecond: 50 },
    local: { burst: 100, perSecond: 50 },
  });
  await chat.run(...[anna, bert, carl].map((account) => spawned(account)));
  for (let n = 1; n <= 100; n++) {
    await chat.run(
      whisper(n % 2 === 0 ? anna : bert, n % 2 === 0 ? bert : anna, `whisper ${n}`),
      whisper(anna, carl, `other ${n}`),
    );
    database.nowMs += 1_000;
  }
  await chat.run(local(anna, "here"), world(anna, "to all"));
  await chat.run(
    commandOf(create(ReportSchema, { channel: reported, seq: 50n, reason: "rude" }), bert),
  );
  for (const [channel, seq] of [
    [reported, 60n],
    [reported, 90n],
    [other, 10n],
    [`hex/${home}`, 1n],
  ] as const) {
    await chat.run(commandOf(create(RemoveMessageSchema, { channel, seq, reason: "rude" }), carl));
  }
}, 120_000);
afterAll(async () => {
  await support?.end();
  await database?.admin.query(`DROP ROLE ${moderator}`);
  await database?.close();
});

const ask = async <Row = Record<string, unknown>>(text: string): Promise<Row[]> =>
  (await support.query(text)).rows as Row[];

it("a moderator reads a reported whisper with its twenty neighbours, and no other", async () => {
  const rows = await ask<{ channel: string; seq: string }>(
    "SELECT channel, seq FROM chat.message WHERE kind = 3 ORDER BY channel, seq",
  );
  expect(new Set(rows.map(({ channel }) => channel))).toEqual(new Set([reported]));
  expect(rows.map(({ seq }) => Number(seq))).toEqual(Array.from({ length: 41 }, (_, n) => n + 30));
  // Whatever is asked: by counting, by a function in the condition, by a join.
  expect(
    await ask("SELECT count(*)::integer AS count FROM chat.message WHERE text LIKE 'other%'"),
  ).toEqual([{ count: 0 }]);
  expect(
    await ask(
      `SELECT count(*)::integer AS count FROM chat.message WHERE channel = '${other}' AND length(text) / seq >= 0`,
    ),
  ).toEqual([{ count: 0 }]);
  expect(
    await ask(
      "SELECT count(*)::integer AS count FROM chat.report AS r JOIN chat.message AS m ON m.channel = r.channel AND m.kind = 3",
    ),
  ).toEqual([{ count: 41 }]);
});

it("a moderator reads what was said in hexes and to the world, and what was removed there", async () => {
  const rows = await ask<{ channel: string }>(
    "SELECT channel, text FROM chat.message WHERE kind <> 3 ORDER BY kind",
  );
  expect(rows).toEqual([
    { channel: "world", text: "to all" },
    { channel: `hex/${home}`, text: "" },
  ]);
  expect(
    await ask("SELECT channel, seq, text FROM chat.removed_text ORDER BY channel, seq"),
  ).toEqual([
    { channel: `hex/${home}`, seq: "1", text: "here" },
    { channel: reported, seq: "60", text: "whisper 60" },
  ]);
});

it("nothing leads past the policies: no partition, no function, no view, no writing", async () => {
  const partitions = await database.rows<{ name: string }>(
    `SELECT format('chat.%I', relname) AS name FROM pg_class
     WHERE relnamespace = 'chat'::regnamespace AND relispartition AND relkind IN ('r', 'p')`,
  );
  expect(partitions.length).toBeGreaterThan(20);
  for (const { name } of partitions) {
    await expect(ask(`SELECT text FROM ${name}`)).rejects.toThrow("permission denied");
  }
  const refused = [
    "SELECT * FROM chat.channel",
    "SELECT * FROM chat.partner",
    "SELECT * FROM chat.block",
    "SELECT * FROM chat.outbox",
    "SELECT * FROM chat.result",
    "SELECT hex FROM chat.speaker",
    "SELECT * FROM chat.speaker",
    `SELECT chat.remove('${other}', 1, 'x', 1)`,
    `SELECT * FROM chat.next_seq(ARRAY['${other}'])`,
    "SELECT * FROM chat.lock_speakers(ARRAY[]::uuid[], ARRAY[]::boolean[])",
    "UPDATE chat.message SET text = 'x'",
    "DELETE FROM chat.message",
    `INSERT INTO chat.report VALUES (gen_random_uuid(), '${other}', 50, gen_random_uuid(), gen_random_uuid(), 'x', now())`,
    "SELECT * FROM world.journal",
    "SELECT * FROM accounts.account",
    "SET ROLE hexhold_chat",
    "SET ROLE hexhold_owner",
    "CREATE VIEW chat.all AS SELECT * FROM chat.message",
  ];
  for (const text of refused) {
    await expect(ask(text)).rejects.toThrow("permission denied");
  }
  // Nor does a setting that would switch policies off.
  await expect(
    support.query("SET row_security = off; SELECT count(*) FROM chat.message"),
  ).rejects.toThrow("row-level security");
  await support.query("RESET row_security").catch(() => undefined);
  expect(
    await ask(
      `SELECT most_common_vals FROM pg_stats WHERE schemaname = 'chat' AND attname = 'text' AND most_common_vals IS NOT NULL`,
    ),
  ).toEqual([]);
});

it("what a moderator asks is logged, and none of them can end it", async () => {
  expect(await ask("SHOW log_statement")).toEqual([{ log_statement: "all" }]);
  await expect(ask("SET log_statement = 'none'")).rejects.toThrow("permission denied");
});

it("the service's own statements show no policy", async () => {
  const plan = async (statement: string): Promise<string> => {
    const client = await database.pool.connect();
    try {
      const { rows } = await client.query<{ "QUERY PLAN": string }>(`EXPLAIN ${statement}`);
      return rows.map((row) => row["QUERY PLAN"]).join("\n");
    } finally {
      client.release();
    }
  };
  const read = historyStatement
    .replace("$1", "3")
    .replace("$2", `'${reported}'`)
    .replace("$3", "100")
    .replace("$4", "50");
  const own = await plan(read);
  expect(own).toContain("message_whisper_");
  // Of the statement's own: the name of who said it.
  expect(own.match(/SubPlan/gu)?.length ?? 0).toBe(1);
  expect(own).not.toContain("chat.report");
  expect(own).not.toContain(" report ");
  expect(own).not.toContain("message_world");
  // The same of a moderator has the policy in it.
  const { rows } = await support.query<{ "QUERY PLAN": string }>(
    `EXPLAIN SELECT text FROM chat.message WHERE kind = 3 AND channel = '${reported}' AND seq < 100`,
  );
  expect(rows.map((row) => row["QUERY PLAN"]).join("\n")).toMatch(/report/u);
});
