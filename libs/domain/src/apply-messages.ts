/** The effects of some messages of a queue, in their order, inside one transaction. */
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { Durability, Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { answerBytes } from "@hexhold/messaging";
import { deadLetteredAnswer, errorAnswer, outcomeAnswer } from "./answers.ts";
import { letterOf, type LetterContext } from "./dead-letter.ts";
import type { DomainStore, StoredResult } from "./domain-store.ts";
import type { Incoming, IncomingCommand, IncomingEvent } from "./incoming.ts";
import type { Transaction } from "./transaction.ts";

/** How a message ended. */
export type Outcome =
  | "handled"
  | "replayed"
  | "refused"
  | "invalid"
  | "expired"
  | "stale"
  | "mismatch"
  /** Of a moment that the database has not seen: nothing was done. */
  | "unsent"
  | "dead-lettered";

export interface Applied {
  readonly item: Incoming;
  readonly outcome: Outcome;
  /** Encoded; undefined for what nobody waits for. */
  readonly answer: Uint8Array | undefined;
}

export interface ApplyContext {
  readonly store: DomainStore;
  readonly letters: LetterContext;
  /** A client's request id that is older is not decided: its result may be gone. */
  readonly staleAfterMs: number;
}

/** A message that is given up, and why. */
export interface GivenUp {
  readonly error: string;
  readonly attempts: number;
}

/**
 * Applies `items`; what is returned is true when the transaction is committed, and only then. `givenUp` holds for
 * all of them: they are dead-lettered instead of handled. Throws what a handler or the store throws.
 */
export async function applyMessages(
  transaction: Transaction,
  given: readonly Incoming[],
  context: ApplyContext,
  givenUp?: GivenUp,
): Promise<Applied[]> {
  const { store } = context;
  // In the transaction of the effect: the database may come back from an earlier moment at any time.
  const unsent = await store.unsent(
    transaction,
    given.flatMap(({ origin }) => origin ?? []),
  );
  const isUnsent = ({ origin }: Incoming): boolean =>
    origin !== undefined && unsent.has(origin.position);
  const items = unsent.size === 0 ? given : given.filter((item) => !isUnsent(item));
  const noted = items.filter(({ kind }) => kind === "event" || kind === "letter");
  const fresh = await store.claim(
    transaction,
    noted.map(({ inboxId }) => inboxId),
  );
  const results = await store.results(
    transaction,
    items.filter(isDurable).map(({ envelope }) => envelope.idempotencyKey),
  );
  const applied = given
    .filter(isUnsent)
    .map((item): Applied => ({ item, outcome: "unsent", answer: undefined }));
  let run: IncomingEvent[] = [];
  const endRun = async (): Promise<void> => {
    const [first] = run;
    if (first === undefined) return;
    await first.handle(transaction, run);
    run = [];
  };
  for (const item of items) {
    if (item.kind === "event" || item.kind === "letter") {
      // Of two with one id in the same batch the second is a repetition, too.
      const isNew = fresh.delete(item.inboxText);
      const letter = item.kind === "letter" ? { error: item.error, attempts: 1 } : givenUp;
      if (isNew && letter !== undefined) {
        await send(transaction, item, letter, context);
      } else if (isNew && item.kind === "event") {
        if (run[0] !== undefined && run[0].handle !== item.handle) await endRun();
        run.push(item);
      }
      const outcome = letter === undefined ? "handled" : "dead-lettered";
      applied.push({ item, outcome: isNew ? outcome : "replayed", answer: undefined });
      continue;
    }
    await endRun();
    if (item.kind === "fault") {
      const stored = errorAnswer(item.code, item.reason, item.message);
      applied.push({ item, outcome: "invalid", answer: answerTo(item, stored, false) });
    } else {
      applied.push(await applyCommand(transaction, item, results, context, givenUp));
    }
  }
  await endRun();
  return applied;
}

async function applyCommand(
  transaction: Transaction,
  item: IncomingCommand,
  results: Map<string, StoredResult>,
  context: ApplyContext,
  givenUp: GivenUp | undefined,
): Promise<Applied> {
  const { entry, envelope, keyText, payloadHash } = item;
  const said = (outcome: Outcome, stored: Uint8Array, replayed = false): Applied => ({
    item,
    outcome,
    answer: answerTo(item, stored, replayed),
  });
  const { nowMs } = context.letters;
  const known = results.get(keyText);
  if (known !== undefined) {
    if (Buffer.from(known.payloadHash).equals(payloadHash)) {
      return said("replayed", known.answer, true);
    }
    const what = "this request id was used with another payload: make a new one";
    return said("mismatch", errorAnswer(ErrorCode.IDEMPOTENCY_MISMATCH, "payload-differs", what));
  }
  if (envelope.deadlineMs !== 0n && nowMs > Number(envelope.deadlineMs)) {
    const what = "not executed: it waited too long; repeat the command";
    return said("expired", errorAnswer(ErrorCode.UNAVAILABLE, "expired", what));
  }
  if (
    isDurable(item) &&
    item.sender === Sender.CLIENT &&
    nowMs - item.requestMs > context.staleAfterMs
  ) {
    const what = "whether it was executed is no longer known: make a new request id";
    return said("stale", errorAnswer(ErrorCode.STALE_COMMAND, "request-id-too-old", what));
  }
  let stored: Uint8Array;
  let outcome: Outcome;
  if (givenUp === undefined) {
    const decided = await item.handle(transaction, item);
    stored = outcomeAnswer(entry, decided);
    outcome = decided.kind === "applied" ? "handled" : "refused";
  } else {
    await send(transaction, item, givenUp, context);
    stored = deadLetteredAnswer(entry);
    outcome = "dead-lettered";
  }
  if (isDurable(item)) {
    const result = { payloadHash, answer: stored };
    await context.store.saveResult(transaction, envelope.idempotencyKey, result);
    results.set(keyText, result);
  }
  return said(outcome, stored);
}

/**
 * What is left to be said of a message whose letter could not be committed with its note and its answer: the answer is
 * given and not stored.
 */
export function givenUpUnstored(item: Incoming): Applied {
  const answer =
    item.kind === "command" ? answerTo(item, deadLetteredAnswer(item.entry), false) : undefined;
  return { item, outcome: "dead-lettered", answer };
}

async function send(
  transaction: Transaction,
  item: Incoming,
  { error, attempts }: GivenUp,
  { store, letters }: ApplyContext,
): Promise<void> {
  await store.send(transaction, letterOf(item, error, attempts, letters));
}

function isDurable(item: Incoming): item is IncomingCommand {
  return item.kind === "command" && item.entry.durability !== Durability.READ;
}

function answerTo(
  { envelope }: Incoming & { readonly envelope: { eventId: Uint8Array; requestId: Uint8Array } },
  stored: Uint8Array,
  replayed: boolean,
): Uint8Array {
  const { eventId, requestId } = envelope;
  return answerBytes({ eventId, requestId }, stored, replayed);
}
