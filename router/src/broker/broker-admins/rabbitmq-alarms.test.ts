import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createRabbitmqAdmin } from "./rabbitmq.ts";

test("alarms of memory and of disk are told with their figures, per node", async () => {
  // As RabbitMQ 3.10 answers.
  const raised = {
    status: "failed",
    alarms: [
      { node: "rabbit@a", resource: "memory" },
      { node: "rabbit@b", resource: "disk space" },
      { node: "rabbit@b", resource: "file descriptors" },
    ],
  };
  const nodes = [
    { name: "rabbit@a", mem_used: 9, mem_limit: 8, disk_free: 7, disk_free_limit: 5 },
    { name: "rabbit@b", mem_used: 1, mem_limit: 8, disk_free: 1, disk_free_limit: 5 },
  ];
  let isWell = false;
  const server = createServer(({ url = "" }, response) => {
    if (url.startsWith("/api/nodes?")) response.end(JSON.stringify(nodes));
    else if (url !== "/api/health/checks/alarms") response.writeHead(404).end("{}");
    else if (isWell) response.end('{"status":"ok"}');
    else response.writeHead(503).end(JSON.stringify(raised));
  });
  server.on("error", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const admin = createRabbitmqAdmin({ managementUrl: `http://u:p@127.0.0.1:${port}` });
  expect(await admin.alarms!()).toEqual([
    { node: "rabbit@a", of: "memory", bytes: 9, limitBytes: 8 },
    { node: "rabbit@b", of: "disk", bytes: 1, limitBytes: 5 },
  ]);
  isWell = true;
  expect(await admin.alarms!()).toEqual([]);
  server.close();
});
