import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  createAmqpBus,
  createManagementApi,
  declareTopology,
  services,
  userOfService,
} from "@hexhold/messaging";
import { freshVhost } from "@hexhold/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type PreparedBroker, prepareBroker } from "./prepare-broker.ts";
import { loadHostSecrets } from "./role-passwords.ts";

const checkout = path.resolve(import.meta.dirname, "../../..");
let vhost: Awaited<ReturnType<typeof freshVhost>>;
let dataDir: string;
let said: string[];

beforeEach(async () => {
  vhost = await freshVhost();
  dataDir = mkdtempSync(path.join(tmpdir(), "hexhold-broker-"));
  said = [];
});
afterEach(async () => {
  const request = createManagementApi(vhost.managementUrl);
  const { loginSuffix } = loadHostSecrets(dataDir);
  for (const { name } of services) {
    await request("DELETE", `/api/users/${userOfService(name, loginSuffix)}`);
  }
  await vhost.drop();
  rmSync(dataDir, { recursive: true, force: true });
});

function prepare(
  options: { readonly isKnown: boolean } = { isKnown: true },
): Promise<PreparedBroker> {
  return prepareBroker({
    url: vhost.url,
    managementUrl: options.isKnown ? vhost.managementUrl : undefined,
    checkout,
    dataDir,
    partitions: 8,
    secrets: loadHostSecrets(dataDir),
    say: (line) => said.push(line),
  });
}

it("each service of a new world has a user of its own, at once, and again at the next start", async () => {
  for (let start = 0; start < 2; start++) {
    const broker = await prepare();
    expect(broker.trustedUsers).toEqual([]);
    const urls = services.map(({ name }) => new URL(broker.urlOf(name)));
    expect(new Set(urls.map(({ username }) => username)).size).toBe(services.length);
    for (const service of ["market", "worker", "host"]) {
      const bus = createAmqpBus({ url: broker.urlOf(service), appId: `${service}/test` });
      await expect.poll(() => bus.state.mode).toBe("connected");
      await bus.close();
    }
  }
});

it("what processes of a shared user have left is taken until a start finds the queues empty", async () => {
  await declareTopology(vhost.url, 8);
  const bus = createAmqpBus({ url: vhost.url, appId: "old/test" });
  await expect.poll(() => bus.state.mode).toBe("connected");
  const left = { type: "batch.v1" as const, body: Buffer.from("from before") };
  expect(await bus.publish("cmd.market.0", left)).toBe("confirmed");
  const shared = ["", decodeURIComponent(new URL(vhost.url).username)];
  expect((await prepare()).trustedUsers).toEqual(shared);
  expect(said.join("\n")).toMatch(/are taken until a start finds the queues empty/);
  // The users are there now, and the message is, too.
  expect((await prepare()).trustedUsers).toEqual(shared);
  const request = createManagementApi(vhost.managementUrl);
  await request("DELETE", `/api/queues/${vhost.name}/cmd.market.0/contents`);
  // The management API counts every few seconds.
  await expect
    .poll(async () => (await prepare()).trustedUsers, { timeout: 30_000, interval: 1_000 })
    .toEqual([]);
  await bus.close();
});

it("without a management API all share the user that is given, and that is said", async () => {
  const broker = await prepare({ isKnown: false });
  expect(broker.urlOf("market")).toBe(vhost.url);
  expect(said.join("\n")).toContain("all services share one user of the broker");
});
