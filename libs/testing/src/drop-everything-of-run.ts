import { databasesOf, dropDatabase } from "./fresh-database.ts";
import { dropMongoDatabase, mongoDatabasesOf } from "./fresh-mongo-database.ts";
import { dropRedisKeys } from "./fresh-redis.ts";
import { dropVhost, vhostsOf } from "./fresh-vhost.ts";
import type { ProvidedStack } from "./provided-stack.ts";

/** Removes what a run has left on servers that go on after it; only names with its own prefix. */
export async function dropEverythingOfRun(stack: ProvidedStack): Promise<void> {
  const { runPrefix, postgres, rabbitmq, redis, mongodb } = stack;
  for (const name of await databasesOf(postgres.url, runPrefix)) {
    await dropDatabase(postgres.url, name);
  }
  for (const name of await vhostsOf(rabbitmq.managementUrl, runPrefix)) {
    await dropVhost(rabbitmq.managementUrl, name);
  }
  await dropRedisKeys(redis.url, runPrefix);
  if ("url" in mongodb) {
    for (const name of await mongoDatabasesOf(mongodb.url, runPrefix)) {
      await dropMongoDatabase(mongodb.url, name);
    }
  }
}
