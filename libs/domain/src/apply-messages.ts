/** The effects of some messages of a queue, in their order, inside one transaction. */
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { Durability, Sender, Step } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { answerBytes } from "@hexhold/messaging";
import { deadLetteredAnswer, errorAnswer, forgeryAnswer, outcomeAnswer } from "./answers.ts";
import { letterOf, type LetterContext } from "./dead-letter.ts";
import type { DomainStore, StoredResult } from "./domain-store.ts";
import {
  forgedByRouter,
  type Incoming,
  type IncomingCommand,
  type IncomingEvent,
} from "./incoming.ts";
import type { Transaction } from "./transaction.ts";
import type { Work } from "./work.ts";

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
  /** Published in another's name: nothing was done, and nothing of it is kept. */
  | "forged"
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
  work: Work,
  givenUp?: GivenUp,
): Promise<Applied[]> {
  const { store } = context;
  // In the transaction of the effect: the database may come back from an earlier moment at any time.
  const unsent = await store.unsent(
    transaction,
    given.flatMap(({ origin }) => origin ?? []),
  );
  const isUnsent = ({ origin }: Incoming): boolean => origin !== undefined && unsent.has(origin);
  const sent = unsent.size === 0 ? given : given.filter((item) => !isUnsent(item));
  const results = await store.results(
    transaction,
    sent.filter(isDurable).map(({ envelope }) => envelope.idempotencyKey),
  );
  const items = await withForgeries(transaction, sent, results, store);
  const noted = items.filter(({ kind }) => kind === "event" || kind === "letter");
  const fresh = await store.claim(
    transaction,
    noted.map(({ inboxId }) => inboxId),
  );
  if (work.prepare !== undefined) {
    const willHandle = items.filter((item): item is IncomingEvent | IncomingCommand => {
      if (item.kind === "event") return fresh.has(item.inboxText) && givenUp === undefined;
      if (item.kind !== "command" || answeredAlready(item, results, context)) return false;
      return givenUp === undefined || item.refuse !== undefined;
    });
    if (willHandle.length > 0) await work.prepare(transaction, willHandle);
  }
  const applied = given
    .filter(isUnsent)
    .map((item): Applied => ({ item, outcome: "unsent", answer: undefined }));
  const run = createRun(transaction, context, work, results, applied);
  for (const item of items) {
    if (item.kind === "event" || item.kind === "letter") {
      // Of two with one id in the same batch the second is a repetition, too.
      const isNew = fresh.delete(item.inboxText);
      const letter = item.kind === "letter" ? { error: item.error, attempts: 1 } : givenUp;
      if (isNew && letter !== undefined) {
        await send(transaction, item, letter, context);
        // What it stands for is owed still. Bytes that nobody can read stay what they are.
        if (item.envelope !== undefined) await store.leaveOpen(transaction, item.inboxId);
      } else if (isNew && item.kind === "event") {
        await run.add(item);
      }
      const outcome = letter === undefined ? "handled" : "dead-lettered";
      applied.push({ item, outcome: isNew ? outcome : "replayed", answer: undefined });
    } else if (item.kind === "fault") {
      await run.end();
      const stored = errorAnswer(item.code, item.reason, item.message);
      applied.push({ item, outcome: "invalid", answer: answerTo(item, stored, false) });
    } else if (item.kind === "forgery") {
      await run.end();
      applied.push({ item, outcome: "forged", answer: answerTo(item, forgeryAnswer(item), false) });
    } else {
      // A repetition of what is being gathered finds its result.
      if (run.has(item)) await run.end();
      const early = answeredAlready(item, results, context);
      if (early === undefined && givenUp === undefined) {
        await run.add(item);
        continue;
      }
      await run.end();
      applied.push(early ?? (await letGo(transaction, item, results, context, work, givenUp!)));
    }
  }
  await run.end();
  return applied;
}

/**
 * `items`, and forgeries in place of what a router has brought back and nobody here knows: a letter's event, or a step
 * that is owed, is noted as open; of an asked step there is a result.
 */
async function withForgeries(
  transaction: Transaction,
  items: readonly Incoming[],
  results: ReadonlyMap<string, StoredResult>,
  store: DomainStore,
): Promise<readonly Incoming[]> {
  const broughtBack = items.filter(({ isBroughtBack }) => isBroughtBack);
  if (broughtBack.length === 0) return items;
  const known = await store.known(
    transaction,
    broughtBack.map(({ inboxId }) => inboxId),
  );
  return items.map((item) => {
    const isAnswered = item.kind === "command" && results.has(item.keyText);
    return known.has(item.inboxText) || isAnswered ? item : forgedByRouter(item);
  });
}

/** Messages of one handler that follow one another: handled together. */
interface Run {
  has(command: IncomingCommand): boolean;
  /** Ends the run before, when it is another handler's. */
  add(item: IncomingEvent | IncomingCommand): Promise<void>;
  end(): Promise<void>;
}

function createRun(
  transaction: Transaction,
  context: ApplyContext,
  work: Work,
  results: Map<string, StoredResult>,
  applied: Applied[],
): Run {
  let events: IncomingEvent[] = [];
  let commands: IncomingCommand[] = [];
  const keys = new Set<string>();

  async function end(): Promise<void> {
    const [event] = events;
    const handled = commands;
    const [command] = handled;
    if (event !== undefined) await event.handle(transaction, events, work);
    events = [];
    commands = [];
    keys.clear();
    if (command === undefined) return;
    const outcomes = await command.handle(transaction, handled, work);
    if (outcomes.length !== handled.length) {
      throw new RangeError(
        `${command.entry.type}: ${outcomes.length} outcomes of ${handled.length} commands`,
      );
    }
    const stored = handled.map((item, at) => outcomeAnswer(item.entry, outcomes[at]!));
    await saveResults(transaction, handled, stored, results, context);
    for (const [at, item] of handled.entries()) {
      const outcome = outcomes[at]!.kind === "applied" ? "handled" : "refused";
      applied.push({ item, outcome, answer: answerTo(item, stored[at]!, false) });
    }
  }

  return {
    has: ({ keyText }) => keys.has(keyText),
    async add(item) {
      const last = events[0] ?? commands[0];
      if (last !== undefined && last.handle !== item.handle) await end();
      if (item.kind === "event") {
        events.push(item);
      } else {
        commands.push(item);
        keys.add(item.keyText);
      }
    },
    end,
  };
}

/** The answer of a command that is not decided: it was, or it comes too late. */
function answeredAlready(
  item: IncomingCommand,
  results: ReadonlyMap<string, StoredResult>,
  context: ApplyContext,
): Applied | undefined {
  const { envelope, keyText, payloadHash } = item;
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
  return undefined;
}

/**
 * A command that is given up: its letter goes, and what it is answered is its result for good. Not so for an owed step:
 * its next copy is handled as the first one was. An asked step is refused.
 */
async function letGo(
  transaction: Transaction,
  item: IncomingCommand,
  results: Map<string, StoredResult>,
  context: ApplyContext,
  work: Work,
  givenUp: GivenUp,
): Promise<Applied> {
  await send(transaction, item, givenUp, context);
  await item.refuse?.(transaction, item, work);
  const stored = deadLetteredAnswer(item.entry);
  if (item.entry.step === Step.OWED) await context.store.leaveOpen(transaction, item.inboxId);
  else await saveResults(transaction, [item], [stored], results, context);
  return { item, outcome: "dead-lettered", answer: answerTo(item, stored, false) };
}

/** Stores the answers of those that are DURABLE, by position. */
async function saveResults(
  transaction: Transaction,
  commands: readonly IncomingCommand[],
  answers: readonly Uint8Array[],
  results: Map<string, StoredResult>,
  { store }: ApplyContext,
): Promise<void> {
  const rows = commands.flatMap((item, at) => {
    if (!isDurable(item)) return [];
    const result = { payloadHash: item.payloadHash, answer: answers[at]! };
    results.set(item.keyText, result);
    return [{ key: item.envelope.idempotencyKey, ...result }];
  });
  await store.saveResults(transaction, rows);
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
