/** Accounts on real services: who may play, for how long, and that no secret lies about. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { type Account, type Client, connect, login, register } from "@hexhold/client";
import { createReferencePlayer } from "@hexhold/reference-client";
import { startWorld, type World, withPostgres } from "@hexhold/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const password = "correct horse battery staple";

let world: World;
const clients: Client[] = [];
/** Every refresh token that was given out. */
const refreshTokens: string[] = [];

beforeAll(async () => {
  const env = { HEXHOLD_GATEWAY__AUTH_PER_ADDRESS_PER_MIN: "1000" };
  world = await startWorld({ profile: "cluster", env });
});
afterAll(async () => {
  for (const client of clients) client.close();
  await world?.stop();
});

interface Tokens {
  readonly accountId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly residence?: string;
}
interface Reply {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly tokens: Tokens;
  readonly reason: string;
}

async function post(method: string, body: object): Promise<Reply> {
  const url = `${world.status().endpoints.http}/hexhold.edge.v1.AuthService/${method}`;
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const { tokens, details } = (await response.json()) as {
    tokens: Tokens;
    details?: { debug: { reason: string } }[];
  };
  if (response.ok && tokens !== undefined) refreshTokens.push(tokens.refreshToken);
  const { status } = response;
  const retryAfter = response.headers.get("retry-after");
  return { status, retryAfter, tokens, reason: details?.[0]?.debug.reason ?? "" };
}

async function registered(name: string): Promise<Tokens> {
  const { status, tokens } = await post("Register", { name, password });
  expect(status).toBe(200);
  return tokens;
}

/** A session that ends, instead of coming back, when its token is not taken. */
async function play(token: string | (() => Promise<string>)): Promise<Client> {
  const client = await connect({ url: world.status().endpoints.ws, token });
  clients.push(client);
  return client;
}

const endOf = (client: Client): string =>
  client.state.mode === "closed" ? client.state.reason : client.state.mode;

async function hexctl(...args: string[]): Promise<string> {
  const env = { ...process.env, HEXHOLD_DATA_DIR: world.dataDir };
  const command = [path.join(root, "hexctl/src/main.ts"), ...args];
  return (await promisify(execFile)(process.execPath, command, { cwd: root, env })).stdout;
}

function claimsOf(token: string): { kid: string; hex?: string } {
  const [header = "", body = ""] = token.split(".");
  const read = (part: string): object =>
    JSON.parse(Buffer.from(part, "base64url").toString()) as object;
  return { ...read(header), ...read(body) } as { kid: string; hex?: string };
}

test("who registers is in the world, and plays with the token that came with it", async () => {
  const url = world.status().endpoints.http;
  const account = await register({ url }, "Anna", password);
  const client = await play(account.token);
  expect(client.welcome?.residence).toBeDefined();
  expect((await createReferencePlayer(client).enter()).outcome).toBe("applied");
});

test("a repeated registration logs in, and whoever else wants the name is told", async () => {
  const first = await registered("berta");
  expect((await registered("BERTA")).accountId).toBe(first.accountId);
  const other = await post("Register", { name: "Berta", password: `${password}!` });
  expect([other.status, other.reason]).toEqual([409, "name-taken"]);
  const wrong = await post("Login", { name: "berta", password: `${password}!` });
  const nobody = await post("Login", { name: "nobody", password });
  expect([wrong.reason, nobody.reason]).toEqual(Array(2).fill("wrong-name-or-password"));
  expect((await post("Register", { name: "carla-carla", password: "carla-carla" })).reason).toBe(
    "weak-password",
  );
});

test("a refresh token that comes twice ends its login, the session included, and no other login", async () => {
  const { refreshToken, accessToken } = await registered("doris");
  const other = await post("Login", { name: "doris", password });
  const client = await play(accessToken);
  const requestId = "01a205e9-4066-7000-8000-000000000001";
  const next = await post("Refresh", { refreshToken, requestId });
  // The same request again is no theft.
  expect((await post("Refresh", { refreshToken, requestId })).status).toBe(200);
  expect(client.state.mode).toBe("online");
  const stolen = await post("Refresh", { refreshToken });
  expect([stolen.status, stolen.reason]).toEqual([401, "refresh-token-reused"]);
  await expect.poll(() => endOf(client)).toBe("not-authenticated");
  const after = await post("Refresh", { refreshToken: next.tokens.refreshToken });
  expect(after.reason).toBe("bad-refresh-token");
  await expect(play(accessToken)).rejects.toThrow(/logged-out|not-authenticated/);
  expect((await post("Refresh", { refreshToken: other.tokens.refreshToken })).status).toBe(200);
});

test("a refresh token that two use at once is given to one of them", async () => {
  const { refreshToken } = await registered("emma");
  const both = await Promise.all([1, 2].map(() => post("Refresh", { refreshToken })));
  expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200, 401]));
});

test("a ban ends the session and keeps its account out until it is lifted", async () => {
  const { accessToken, refreshToken } = await registered("frieda");
  const bystander = await play((await registered("gerda")).accessToken);
  const client = await play(accessToken);
  await hexctl("ban", "FRIEDA", "--reason", "spam");
  await expect.poll(() => endOf(client)).toBe("banned");
  await expect(play(accessToken)).rejects.toThrow(/banned/);
  const kept = [
    await post("Login", { name: "frieda", password }),
    await post("Refresh", { refreshToken }),
  ];
  expect(kept.map(({ status, reason }) => [status, reason])).toEqual([
    [403, "banned"],
    [403, "banned"],
  ]);
  expect(bystander.state.mode).toBe("online");
  await hexctl("ban", "frieda", "--lift");
  expect((await post("Refresh", { refreshToken })).status).toBe(200);
  await expect.poll(async () => (await play(accessToken)).state.mode).toBe("online");
  await expect(hexctl("ban", "no-such-name")).rejects.toThrow(/unknown-account/);
});

test("keys are changed while people play: old tokens go on, new ones are taken at once", async () => {
  const before = await registered("heidi");
  const client = await play(before.accessToken);
  await hexctl("rotate-keys");
  const after = (await post("Login", { name: "heidi", password })).tokens;
  expect(claimsOf(after.accessToken).kid).not.toBe(claimsOf(before.accessToken).kid);
  expect((await play(after.accessToken)).state.mode).toBe("online");
  expect(client.state.mode).toBe("online");
  // Longer than gateways take to ask for all keys: what they were told of first is not all that they know.
  await new Promise((resolve) => setTimeout(resolve, 6000));
  expect((await play(before.accessToken)).state.mode).toBe("online");
});

test("a logout ends the session, and its access token is not taken any more", async () => {
  const url = world.status().endpoints.http;
  await registered("irene");
  const tokens: string[] = [];
  const account: Account = await login(
    { url, onTokens: ({ accessToken }) => tokens.push(accessToken) },
    "irene",
    password,
  );
  const client = await play(tokens[0]!);
  await account.logout();
  await expect.poll(() => endOf(client)).toBe("not-authenticated");
  await expect(play(tokens[0]!)).rejects.toThrow(/logged-out|not-authenticated/);
});

test("who plays is told the names of accounts and nothing else, as often as its account may ask", async () => {
  const [asker, other] = [await registered("Laura"), await registered("mona")];
  const unknown = "01a205e9-4066-7000-8000-00000000ffff";
  const url = `${world.status().endpoints.http}/hexhold.edge.v1.AuthService/GetNames`;
  const ask = async (accessToken: string) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        accessToken,
        accountIds: [other.accountId, unknown, asker.accountId],
      }),
    });
    const body = (await response.json()) as {
      names?: { name: string }[];
      details?: { debug: { reason: string } }[];
    };
    return { status: response.status, names: body.names, reason: body.details?.[0]?.debug.reason };
  };
  const { names } = await ask(asker.accessToken);
  expect(names?.toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([
    { accountId: asker.accountId, name: "Laura" },
    { accountId: other.accountId, name: "mona" },
  ]);
  expect(await ask("e30.e30.e30")).toMatchObject({ status: 401, reason: "bad-token" });
  await post("Logout", { refreshToken: other.refreshToken });
  await expect.poll(async () => (await ask(other.accessToken)).reason).toBe("logged-out");
  let last = await ask(asker.accessToken);
  for (let n = 0; n < 70 && last.status === 200; n++) last = await ask(asker.accessToken);
  expect(last).toMatchObject({ status: 429, reason: "rate-limited" });
});

test("a name is guessed at ten times a minute, and no oftener", async () => {
  await registered("jenny");
  const tries: Reply[] = [];
  for (let n = 0; n < 11; n++) tries.push(await post("Login", { name: "jenny", password: "x" }));
  expect(tries.at(0)?.status).toBe(401);
  const last = tries.at(-1);
  expect([last?.status, last?.reason]).toEqual([429, "rate-limited"]);
  expect(Number(last?.retryAfter)).toBeGreaterThan(0);
});

test("a player that is owed to the world is brought into it, though the service dies in between", async () => {
  process.kill(world.pidOf("worker-1"), "SIGSTOP");
  let { refreshToken, residence } = await registered("klara");
  expect(residence ?? "").toBe("");
  const died = world.pidOf("accounts-1");
  process.kill(died, "SIGKILL");
  process.kill(world.pidOf("worker-1"), "SIGCONT");
  await expect.poll(() => world.pidOf("accounts-1"), { timeout: 20_000 }).not.toBe(died);
  await expect
    .poll(
      async () => {
        const { status, tokens } = await post("Refresh", { refreshToken });
        if (status === 200) ({ refreshToken, residence } = tokens);
        return residence ?? "";
      },
      { timeout: 60_000, interval: 1000 },
    )
    .toMatch(/^[0-9a-f]{15}$/);
});

test("a session goes on over the end of a token for which it has sent another; without one it ends", async () => {
  const [lasting, ending] = await world.mint(2);
  // Made last, by a program that takes its time to end.
  const [first, only] = await Promise.all(
    [lasting!, ending!].map(async ({ accountId, key }) => {
      const args = ["--account", accountId, "--key", key, "--ttl", "8", "--json"];
      return (JSON.parse(await hexctl("token", ...args)) as { token: string }[])[0]!.token;
    }),
  );
  const tokens = [first!, lasting!.token];
  // The server asks for the next one at once: the first has less than a minute.
  const client = await play(() => Promise.resolve(tokens.shift() ?? "none is left"));
  const other = await play(only!);
  await expect.poll(() => endOf(other), { timeout: 20_000 }).toBe("not-authenticated");
  await new Promise((resolve) => setTimeout(resolve, 2000));
  expect([client.state.mode, client.stats.welcomes, tokens.length]).toEqual(["online", 1, 0]);
});

test("no password and no refresh token is in any log, queue or table", async () => {
  const secrets = [password, ...refreshTokens].flatMap((secret) => [
    Buffer.from(secret),
    Buffer.from(secret, "base64url"),
  ]);
  expect(refreshTokens.length).toBeGreaterThan(10);
  const tables = await dumpOf("accounts");
  expect(tables).toContain("frieda");
  const files = ["logs", "rabbitmq", "redis", "mongodb", "postgres"].flatMap((folder) =>
    filesUnder(path.join(world.dataDir, folder)),
  );
  const found = files.filter(({ bytes }) => secrets.some((secret) => bytes.includes(secret)));
  expect(found.map(({ file }) => file)).toEqual([]);
  for (const secret of refreshTokens) {
    expect(tables).not.toContain(Buffer.from(secret, "base64url").toString("hex"));
  }
  // Where they could have been: the same search finds what is not secret.
  const holding = files.filter(({ bytes }) => bytes.includes("frieda")).map(({ file }) => file);
  expect(holding.some((file) => file.includes("pg_wal"))).toBe(true);
  expect(files.some(({ file }) => file.endsWith("accounts-1.log"))).toBe(true);
  expect(files.some(({ file }) => file.includes("rabbitmq") && file.includes("mnesia"))).toBe(true);
});

/** Every row of a schema as text. */
async function dumpOf(schema: string): Promise<string> {
  return withPostgres(world.status().services["postgres"]!.url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = $1",
      [schema],
    );
    const dumps: string[] = [];
    for (const { name } of rows) {
      const found = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      dumps.push(...found.rows.map(({ row }) => row));
    }
    return dumps.join("\n");
  });
}

function filesUnder(folder: string): { file: string; bytes: Buffer }[] {
  let real: string;
  try {
    real = realpathSync(folder);
  } catch {
    return [];
  }
  return readdirSync(real, { withFileTypes: true, recursive: true }).flatMap((entry) => {
    if (!entry.isFile()) return [];
    const file = path.join(entry.parentPath, entry.name);
    try {
      return [{ file, bytes: readFileSync(file) }];
    } catch {
      return []; // It has been removed since.
    }
  });
}
