/** Baseline gateway: WebSocket → gather by unanswered message → confirmed publish → replies → WebSocket. */
import { GatheringLane, type GatheredCommand } from "@hexhold/messaging";
import { type WebSocket, WebSocketServer } from "ws";
import { connectAmqp, endProcess } from "./connect-amqp.ts";
import { at, commandBytes, idBytes, partitions, queueName } from "./wire.ts";

interface Pending extends GatheredCommand {
  readonly socket: WebSocket;
  readonly lane: number;
  readonly id: Buffer;
}

const [amqpUrl = "", port = "0"] = process.argv.slice(2);
const model = await connectAmqp(amqpUrl);
const channel = await model.createConfirmChannel();
channel.on("error", endProcess);
const consuming = await (await connectAmqp(amqpUrl)).createChannel();
consuming.on("error", endProcess);
const { queue: replyTo } = await consuming.assertQueue("", { exclusive: true });
const pending = new Map<string, Pending>();
const lanes = Array.from(
  { length: partitions },
  (_, partition) =>
    new GatheringLane<Pending>({
      publish: (commands) =>
        new Promise((resolve) => {
          channel.publish(
            "cmd.direct",
            queueName(partition),
            Buffer.concat(commands.map((command) => command.envelope)),
            { persistent: true, mandatory: true, replyTo },
            (error) => resolve(error ? "refused" : "confirmed"),
          );
        }),
      failed: () => process.exit(1),
      delay: (ms, run) => {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
    }),
);
await consuming.consume(
  replyTo,
  (message) => {
    if (message === null) return;
    for (let from = 0; from < message.content.length; from += idBytes) {
      const id = message.content.subarray(from, from + idBytes);
      const command = pending.get(id.toString("latin1"));
      if (command === undefined) continue;
      pending.delete(id.toString("latin1"));
      command.socket.send(id);
      lanes[command.lane]!.settle(command);
    }
  },
  { noAck: true },
);
const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(port),
  perMessageDeflate: false,
});
server.on("error", endProcess);
server.on("connection", (socket) => {
  socket.on("error", endProcess);
  socket.on("message", (data: Buffer) => {
    if (data.length !== commandBytes) return;
    const id = data.subarray(at.id, at.id + idBytes);
    const lane = data[at.partition]!;
    const command: Pending = { socket, lane, id, envelope: data, orderKey: "" };
    pending.set(id.toString("latin1"), command);
    lanes[lane]!.offer(command);
  });
});
server.on("listening", () => console.log("ready"));
