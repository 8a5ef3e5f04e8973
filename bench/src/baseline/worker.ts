/** Baseline worker: quorum queue → one fenced statement per message → replies → ack, one channel per queue. */
import { byteaArray, int2Array, int8Array, openConnection, uuidArray } from "@hexhold/postgres";
import { connectAmqp, endProcess } from "./connect-amqp.ts";
import { at, commandBytes, eventBytes, idBytes, partitions, queueName } from "./wire.ts";

const [amqpUrl = "", postgresUrl = ""] = process.argv.slice(2);
const consuming = await connectAmqp(amqpUrl);
const replies = await (await connectAmqp(amqpUrl)).createChannel();
replies.on("error", endProcess);
const filling = Buffer.alloc(eventBytes - commandBytes);

for (let partition = 0; partition < partitions; partition++) {
  const client = await openConnection({ url: postgresUrl, applicationName: "bench" });
  const channel = await consuming.createChannel();
  channel.on("error", endProcess);
  await channel.prefetch(1);
  const slot = queueName(partition);
  await channel.consume(slot, (message) => {
    if (message === null) return;
    const count = message.content.length / commandBytes;
    const records = Array.from({ length: count }, (_, i) =>
      message.content.subarray(i * commandBytes, (i + 1) * commandBytes),
    );
    const ids = records.map((record) => record.subarray(at.id, at.id + idBytes));
    const hexes = records.map((record) => record.readBigInt64BE(at.hex));
    void client
      .query({
        name: "store",
        text: "SELECT store($1, 1, $2, $3, $4, $5, $6)",
        values: [
          slot,
          int2Array(hexes.map((hex) => Number(hex % 1024n))),
          int8Array(hexes),
          uuidArray(ids),
          byteaArray(ids.map((id) => Buffer.concat([id, id]))),
          byteaArray(records.map((record) => Buffer.concat([record, filling]))),
        ],
      })
      .then(() => {
        replies.publish("", String(message.properties.replyTo), Buffer.concat(ids), {});
        channel.ack(message);
      })
      .catch((error: unknown) => {
        console.error(error);
        process.exit(1);
      });
  });
}
console.log("ready");
