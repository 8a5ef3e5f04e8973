import { connect } from "amqplib";
import { Redis } from "ioredis";
import { MongoClient } from "mongodb";
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { databasesOf, freshDatabase } from "./fresh-database.ts";
import { freshMongoDatabase, mongodbMissing, mongoDatabasesOf } from "./fresh-mongo-database.ts";
import { freshRedis } from "./fresh-redis.ts";
import { freshVhost, vhostsOf } from "./fresh-vhost.ts";
import { providedStack } from "./provided-stack.ts";

const { runPrefix } = providedStack();

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const answer = await client.query<Record<string, unknown>>(text);
    return answer.rows;
  } finally {
    await client.end();
  }
}

describe("a fresh database", () => {
  it("is empty, copies its template, and is gone after drop", async () => {
    const template = await freshDatabase();
    await query(template.url, "create table cell as select 7 as level");
    const copy = await freshDatabase({ template: template.name });
    expect(await query(copy.url, "select level from cell")).toEqual([{ level: 7 }]);
    await template.drop();
    await copy.drop();
    expect(await databasesOf(providedStack().postgres.url, runPrefix)).not.toContain(copy.name);
  });
});

describe("a fresh virtual host", () => {
  it("lets queues be declared, and is gone after drop", async () => {
    const vhost = await freshVhost();
    const connection = await connect(vhost.url);
    const channel = await connection.createChannel();
    expect((await channel.assertQueue("cmd.p0")).messageCount).toBe(0);
    await connection.close();
    await vhost.drop();
    expect(await vhostsOf(vhost.managementUrl, runPrefix)).not.toContain(vhost.name);
  });
});

describe("a fresh Redis", () => {
  it("is a logical database that no other test sees", async () => {
    const [one, other] = [await freshRedis(), await freshRedis()];
    const clients = [new Redis(one.url), new Redis(other.url)] as const;
    await clients[0].set(`${one.prefix}lease:cmd.p0`, "worker-1");
    expect(await clients[0].get(`${one.prefix}lease:cmd.p0`)).toBe("worker-1");
    expect(await clients[1].get(`${other.prefix}lease:cmd.p0`)).toBeNull();
    for (const client of clients) {
      client.disconnect();
    }
  });
});

describe.skipIf(mongodbMissing() !== undefined)("a fresh MongoDB database", () => {
  it("keeps a document, and is gone after drop", async () => {
    const database = freshMongoDatabase();
    const client = new MongoClient(database.url);
    const cells = client.db(database.name).collection<{ _id: string; level: number }>("hex_state");
    await cells.insertOne({ _id: "861f1d48fffffff", level: 3 });
    expect(await cells.findOne({ _id: "861f1d48fffffff" })).toEqual({
      _id: "861f1d48fffffff",
      level: 3,
    });
    await client.close();
    await database.drop();
    expect(await mongoDatabasesOf(database.url, runPrefix)).not.toContain(database.name);
  });
});
