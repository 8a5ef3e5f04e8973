/**
 * Global set-up of the integration tests: one private stack for the whole run, its URLs
 * handed to the tests through `inject("stack")` (see `@hexhold/testing`), gone afterwards
 * with its data.
 */
import { join } from "node:path";
import {
  CHECKOUT,
  removeDataDir,
  SERVICE_NAMES,
  serviceUrlsFrom,
  startLocalStack,
  type LocalStack,
} from "@hexhold/local-stack";
import { dropEverythingOfRun, TEST_NAME_PREFIX, type ProvidedStack } from "@hexhold/testing";
import type { TestProject } from "vitest/node";

let stack: LocalStack | undefined;
let provided: ProvidedStack | undefined;

export async function setup(project: TestProject): Promise<void> {
  const useExternal = process.env["HEXHOLD_TEST_USE_EXTERNAL"] === "1";
  const dataDir = join(CHECKOUT, ".build", `test-stack-${process.pid}`);
  stack = await startLocalStack({
    dataDir,
    services: SERVICE_NAMES,
    urls: useExternal ? serviceUrlsFrom(process.env) : {},
    install: false,
    // Where no MongoDB can be had its cases are skipped and say why; CI has no such excuse.
    optional: process.env["CI"] === "true" ? [] : ["mongodb"],
  });
  const { services, missing } = stack;
  for (const { name, version, origin } of Object.values(services)) {
    console.log(`stack: ${name} is ${version} (${origin})`);
  }
  for (const [name, reason] of Object.entries(missing)) {
    console.log(`stack: no ${name}; its tests are skipped. ${reason}`);
  }
  provided = {
    runPrefix: `${TEST_NAME_PREFIX}${process.pid.toString(36)}${Date.now().toString(36)}`,
    postgres: { url: stack.service("postgres").url },
    rabbitmq: {
      url: stack.service("rabbitmq").url,
      managementUrl: managementUrlOf(stack),
    },
    redis: {
      url: stack.service("redis").url,
      isPrivate: !stack.service("redis").external,
    },
    mongodb:
      services.mongodb === undefined
        ? { missing: missing.mongodb ?? "not started" }
        : { url: services.mongodb.url },
  };
  project.provide("stack", provided);
}

export async function teardown(): Promise<void> {
  if (stack === undefined) {
    return;
  }
  const isExternal = Object.values(stack.services).some((service) => service.external);
  if (isExternal && provided !== undefined) {
    await dropEverythingOfRun(provided);
  }
  await stack.kill();
  removeDataDir(stack.dataDir.path);
}

/** Of a RabbitMQ given by URL: HEXHOLD_RABBITMQ_MANAGEMENT_URL, else the usual port, same user. */
function managementUrlOf(running: LocalStack): string {
  const { managementUrl = process.env["HEXHOLD_RABBITMQ_MANAGEMENT_URL"], url } =
    running.service("rabbitmq");
  if (managementUrl !== undefined) {
    return managementUrl;
  }
  const { username, password, hostname } = new URL(url);
  return `http://${username}:${password}@${hostname}:15672`;
}
