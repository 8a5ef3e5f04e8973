import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createRabbitmqAdmin } from "./rabbitmq.ts";

test("alarms of memory and of disk are told with their figures, per node", async () => {
  // As RabbitMQ 3.10 answers.
  const nodes = [
    { name: "rabbit@a", mem_alarm: true, mem_used: 9, mem_limit: 8, disk_free_alarm: false },
    { name: "rabbit@b", mem_alarm: false, disk_free_alarm: true, disk_free: 1, disk_free_limit: 5 },
  ];
  const server = createServer((request, response) => {
    response.end(request.url?.startsWith("/api/nodes?") === true ? JSON.stringify(nodes) : "[]");
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
  server.close();
});
