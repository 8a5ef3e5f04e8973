/**
 * Answers on their way to gateways: what several slots answer in one turn of the loop, as after a commit of
 * all of them, goes to a gateway in one message.
 */
import { type Bus, encodeAnswers } from "@hexhold/messaging";

export interface ReplySender {
  /** Resolves when `answers` have been handed to the broker's connection: before that nothing is acked. */
  send(replyTo: string | undefined, answers: readonly Uint8Array[]): Promise<void>;
}

export function createReplySender(bus: Pick<Bus, "reply">): ReplySender {
  let waiting = new Map<string, Uint8Array[]>();
  let departure: Promise<void> | undefined;
  const depart = (): void => {
    departure = undefined;
    const departing = waiting;
    // Not cleared: see gateway/src/dispatch/in-flight.ts.
    waiting = new Map();
    for (const [replyTo, answers] of departing) {
      bus.reply(replyTo, { type: "answers.v1", body: encodeAnswers(answers) });
    }
  };
  return {
    async send(replyTo, answers) {
      if (replyTo === undefined || answers.length === 0) return;
      const gathered = waiting.get(replyTo);
      if (gathered === undefined) waiting.set(replyTo, [...answers]);
      else gathered.push(...answers);
      departure ??= new Promise((resolve) => {
        setImmediate(() => {
          depart();
          resolve();
        });
      });
      await departure;
    },
  };
}
