import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { routeProcessService, startRpcServer } from "@hexhold/rpc";
import { createLogger } from "@hexhold/telemetry";
import { expect, test, vi } from "vitest";
import { createDeathWatch } from "./death-watch.ts";
import type { Member } from "./members.ts";
import { probeProcess } from "./probe.ts";

const logger = createLogger({ service: "router", instance: "test", level: "silent" });
const incarnation = "019aa8a4-7a3b-7000-8000-000000000001";
const member = (openStreams = 0) => ({ instance: "worker-1", openStreams }) as Member;

async function serve(own: string) {
  return await startRpcServer({
    port: 0,
    logger,
    token: "t",
    routes: (router) =>
      routeProcessService(router, {
        instance: "worker-1",
        incarnation: own,
        version: "1",
        inspect: () => ({}),
      }),
  });
}

test("a port that refuses is a dead process, one that answers as itself a living one", async () => {
  const server = await serve(incarnation);
  const target = { controlUrl: server.url, incarnation };
  expect(await probeProcess(target, "t", 500)).toBe("alive");
  await server.stop(0);
  expect(await probeProcess(target, "t", 500)).toBe("dead");
});

test("another process on the port means that this one is dead", async () => {
  const server = await serve("019aa8a4-9999-7000-8000-000000000001");
  expect(await probeProcess({ controlUrl: server.url, incarnation }, "t", 500)).toBe("dead");
  expect(await probeProcess({ controlUrl: server.url, incarnation }, "wrong", 500)).toBe("alive");
  await server.stop(0);
});

test("a process that takes a connection and says nothing, as a frozen one does, is not dead", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const controlUrl = `http://127.0.0.1:${port}`;
  expect(await probeProcess({ controlUrl, incarnation }, "t", 100)).toBe("alive");
  server.close();
  expect(await probeProcess({ controlUrl: "nonsense", incarnation }, "t", 100)).toBe("unknown");
});

test("it looks until the process is dead, says so once, and not when its stream is back", async () => {
  const verdicts = ["alive", "alive", "dead"] as const;
  let looks = 0;
  const probe = vi.fn<() => Promise<"dead" | "alive">>(async () => verdicts[looks++] ?? "dead");
  const onDeath = vi.fn<(dead: Member) => void>();
  const watch = createDeathWatch(probe, onDeath);
  const suspect = member();
  watch.suspect(suspect);
  watch.suspect(suspect);
  await vi.waitFor(() => expect(onDeath).toHaveBeenCalledExactlyOnceWith(suspect));
  expect(probe).toHaveBeenCalledTimes(3);
  watch.suspect(member(1));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(probe).toHaveBeenCalledTimes(3);
  watch.stop();
});
