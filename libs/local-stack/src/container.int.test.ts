/**
 * Containers against a stand-in for the engine's client, because no engine runs where these
 * tests do: it starts a real redis-server for `run`, and signals it for the rest.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startLocalStack } from "./local-stack.ts";
import { removeDataDir } from "./service-folder.ts";

const ENGINE = `#!/bin/bash
folder="$(dirname "$0")"
case "$1" in
  info) exit 0 ;;
  run)
    port="$(grep -oE '127\\.0\\.0\\.1:[0-9]+' <<<"$*" | head -n 1 | cut -d: -f2)"
    redis-server --port "$port" --requirepass "$REDIS_PASSWORD" --save "" --dir "$folder" &
    echo $! >"$folder/pid"
    trap 'kill $!' TERM
    wait; wait ;;
  kill) kill -KILL "$(cat "$folder/pid")" ;;
  pause) kill -STOP "$(cat "$folder/pid")" ;;
  unpause) kill -CONT "$(cat "$folder/pid")" ;;
  stop) kill -TERM "$(cat "$folder/pid")" ;;
esac
echo "$1" >>"$folder/asked"
`;

describe("a service in a container", () => {
  const path = process.env["PATH"];
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "hexhold-engine-"));
    writeFileSync(join(folder, "docker"), ENGINE);
    chmodSync(join(folder, "docker"), 0o755);
    process.env["PATH"] = `${folder}:${path}`;
  });

  afterEach(() => {
    process.env["PATH"] = path;
    rmSync(folder, { recursive: true });
  });

  it("starts, is killed, restarted, frozen and stopped through the engine", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "hexhold-container-"));
    const stack = await startLocalStack({
      dataDir,
      services: ["redis"],
      install: false,
      sources: ["container"],
    });
    const redis = stack.service("redis");
    expect(redis.origin).toBe("container redis:7");
    const client = new Redis(redis.url, { commandTimeout: 300 });
    client.on("error", () => undefined);
    expect(await client.ping()).toBe("PONG");
    await redis.kill();
    await redis.restart();
    await expect.poll(() => client.ping().catch(() => "no answer")).toBe("PONG");
    redis.freeze();
    await expect(client.ping()).rejects.toThrow(/timed out/);
    redis.thaw();
    await expect.poll(() => client.ping().catch(() => "no answer")).toBe("PONG");
    await stack.stop();
    await expect.poll(() => client.ping().catch(() => "no answer")).toBe("no answer");
    client.disconnect();
    removeDataDir(dataDir);
  });
});
