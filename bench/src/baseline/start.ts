/** Starts the baseline beside a running world: its own database and queues on the same servers. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { connectAmqp, endProcess } from "./connect-amqp.ts";
import { partitions, queueName } from "./wire.ts";

export interface Baseline {
  readonly url: string;
  readonly gatewayPid: number;
  readonly workerPid: number;
  stop(): Promise<void>;
}

const database = "hexhold_bench_baseline";

export async function startBaseline(
  postgresUrl: string,
  amqpUrl: string,
  port: number,
): Promise<Baseline> {
  const admin = new pg.Client({ connectionString: postgresUrl });
  admin.on("error", endProcess);
  await admin.connect();
  await admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
  await admin.query(`CREATE DATABASE ${database}`);
  await admin.end();
  const url = new URL(postgresUrl);
  url.pathname = `/${database}`;
  const client = new pg.Client({ connectionString: url.href });
  client.on("error", endProcess);
  await client.connect();
  await client.query(readFileSync(path.join(import.meta.dirname, "schema.sql"), "utf8"));
  await client.end();
  await declareQueues(amqpUrl);
  const worker = await startChild("worker.ts", [amqpUrl, url.href]);
  const gateway = await startChild("gateway.ts", [amqpUrl, String(port)]);
  return {
    url: `ws://127.0.0.1:${port}`,
    gatewayPid: gateway.pid!,
    workerPid: worker.pid!,
    async stop() {
      for (const child of [gateway, worker]) {
        child.kill("SIGKILL");
        await new Promise((resolve) => child.once("exit", resolve));
      }
    },
  };
}

async function declareQueues(amqpUrl: string): Promise<void> {
  const model = await connectAmqp(amqpUrl);
  const channel = await model.createChannel();
  channel.on("error", endProcess);
  for (let partition = 0; partition < partitions; partition++) {
    const name = queueName(partition);
    await channel.assertQueue(name, {
      durable: true,
      arguments: { "x-queue-type": "quorum", "x-single-active-consumer": true },
    });
    await channel.bindQueue(name, "cmd.direct", name);
  }
  await model.close();
}

function startChild(file: string, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, file), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const failed = Promise.withResolvers<never>();
  child.on("error", failed.reject);
  process.once("exit", () => child.kill("SIGKILL"));
  const ready = new Promise<ChildProcess>((resolve, reject) => {
    child.stdout.once("data", () => resolve(child));
    child.once("exit", (code) => reject(new Error(`${file} ended with ${code}`)));
  });
  return Promise.race([ready, failed.promise]);
}
