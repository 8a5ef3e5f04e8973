import { splitAnswers } from "@hexhold/messaging";
import { expect, it } from "vitest";
import { createReplySender } from "./reply-sender.ts";

it("sends what slots answer in one turn in one message a gateway, in order, before it resolves", async () => {
  const log: string[] = [];
  const replies = createReplySender({
    reply: (inbox, { body }) => {
      const texts = splitAnswers(body).map((answer) => Buffer.from(answer).toString());
      log.push(`${inbox}: ${texts.join(" ")}`);
    },
  });
  const send = async (slot: string, replyTo: string | undefined, answers: string[]) => {
    await replies.send(
      replyTo,
      answers.map((answer) => Buffer.from(answer)),
    );
    log.push(`ack ${slot}`);
  };
  await Promise.all([
    send("p1", "gateway-1", ["a", "b"]),
    send("p2", "gateway-2", ["c"]),
    send("p3", "gateway-1", ["d"]),
  ]);
  expect(log).toEqual(["gateway-1: a b d", "gateway-2: c", "ack p1", "ack p2", "ack p3"]);
  log.length = 0;
  await send("p1", "gateway-1", ["e"]);
  // Nothing to say, or nobody to say it to: nobody waits.
  await send("p1", undefined, ["f"]);
  await send("p1", "gateway-1", []);
  expect(log).toEqual(["gateway-1: e", "ack p1", "ack p1", "ack p1"]);
});
