/** Sends what a dead letter stands for again, for an operator. */
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type Bus,
  decodeEnvelope,
  encodeBatch,
  queuesOfService,
  services,
  uuidText,
} from "@hexhold/messaging";
import type { ControlStore, KeptLetter } from "../control-store.ts";

/**
 * The envelope goes out as it came, event_id and all: whoever has done it knows it again, and whoever owes it does it now.
 * Rejects with a ConnectError that says why a letter is not sent again.
 */
export async function retryDeadLetter(
  eventId: string,
  store: Pick<ControlStore, "deadLetter" | "markReplayed">,
  bus: Pick<Bus, "publish"> | undefined,
): Promise<{ type: string; queue: string }> {
  const letter = await store.deadLetter(eventId);
  if (letter === undefined) {
    throw new ConnectError(`there is no dead letter ${eventId}`, Code.NotFound);
  }
  const barred = whyNot(letter);
  if (barred !== undefined) throw new ConnectError(barred, Code.FailedPrecondition);
  if (bus === undefined) {
    throw new ConnectError("this router has no broker: nothing was sent", Code.Unavailable);
  }
  const { slot: queue, envelope, type } = letter;
  const outcome = await bus.publish(queue, {
    type: "batch.v1",
    body: encodeBatch({ routeVersion: 0n, envelopes: [envelope] }),
    messageId: uuidText(decodeEnvelope(envelope).eventId),
  });
  if (outcome !== "confirmed") {
    const what = `${queue} did not take it (${outcome}): send it again, that is harmless`;
    throw new ConnectError(what, Code.Unavailable);
  }
  await store.markReplayed(eventId);
  return { type, queue };
}

const serviceQueues: ReadonlySet<string> = new Set(
  services.flatMap(({ name }) => queuesOfService(name)),
);

function whyNot({ slot, type, accountId, state }: KeptLetter): string | undefined {
  if (state === "discarded")
    return "somebody has discarded it: what it stood for was made good otherwise";
  if (type === "") return "its envelope cannot be read: nobody could handle it";
  if (!serviceQueues.has(slot)) {
    return `${type} was for a hex in ${slot}: its answer is stored, and final`;
  }
  if (accountId !== undefined && type.startsWith("cmd.")) {
    return `${type} was a client's command: its answer is stored and final, who wants the effect sends it anew`;
  }
  return undefined;
}
