/**
 * One queue message of a slot, from its bytes to its answers. Commands are finished strictly in order; the
 * longest front part that can be decided together is committed together.
 */
import { setTimeout as pause } from "node:timers/promises";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  answerBytes,
  bytesText,
  DecodeError,
  decodeBatch,
  decodeEnvelope,
  type Delivery,
  type Publisher,
  publisherText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { type OutboxPlaceName, sqlStateOf } from "@hexhold/postgres";
import { activate, type ReadHexes } from "../actor/activate.ts";
import { type Command, commandOf, errorAnswer, forged, isFault } from "../actor/command.ts";
import type { ActiveHex, HexTable } from "../actor/hex-table.ts";
import { quarantine } from "../actor/quarantine.ts";
import { commitBatch } from "../journal/commit-batch.ts";
import { findResults, type StoredResult } from "../journal/result-store.ts";
import type { OutboxRelay } from "../outbox/relay.ts";
import type { SlotTimers } from "../timer/slot-timers.ts";
import {
  type DecideMoment,
  type HostCommand,
  type HostFault,
  type HostOutcome,
  type RulesHost,
  RulesHostGoneError,
} from "../rules/rules-host.ts";
import { afterCommitFault } from "./commit-fault.ts";
import { type CommitPlan, type DecidedCommand, planCommit } from "./commit-plan.ts";
import { commandBindings } from "./command-bindings.ts";
import { DeadLetterWriter } from "./dead-letter-writer.ts";
import { dropUnsent } from "./drop-unsent.ts";
import { Isolation } from "./isolation.ts";
import { FencedError, holdsSlot, ReleasingError } from "./ownership.ts";
import { createRecentAnswers } from "./recent-answers.ts";
import { attemptsMax, isDurable, Round } from "./round.ts";
import { showCommit } from "./show-commit.ts";
import type { SlotPorts } from "./slot-ports.ts";
import { OutcomeUnknownError, type SlotStore } from "./slot-store.ts";
import { Suspects } from "./suspect.ts";

const storeBackoffMs = 100;
/** Before a hex whose head was stale is read again, doubled each time. */
const staleBackoffMs = 10;
/** Hexes that are loaded at a time when all of a slot are. */
const activateMax = 256;
/** Reads and VOLATILE answers are given only when the epoch was seen in PostgreSQL so lately. */
const epochSeenMsMax = 1000;

/** What became of an attempt to commit. */
type CommitResult = { readonly done: true } | { readonly done: false; readonly redo: Command[] };

export class BatchHandler {
  readonly #slot: string;
  readonly #store: SlotStore;
  readonly #table: HexTable;
  readonly #relay: OutboxRelay;
  readonly #timers: SlotTimers;
  readonly #ports: SlotPorts;
  readonly #letters: DeadLetterWriter;
  readonly #suspects: Suspects;
  readonly #isolation: Isolation;
  #recent = createRecentAnswers();
  #epochSeenMs: number;
  #staleInARow = 0;
  #stopped = false;
  /** The driver is held up by the store. */
  waitsForStore = false;

  constructor(
    slot: string,
    store: SlotStore,
    table: HexTable,
    relay: OutboxRelay,
    timers: SlotTimers,
    ports: SlotPorts,
  ) {
    this.#slot = slot;
    this.#store = store;
    this.#table = table;
    this.#relay = relay;
    this.#timers = timers;
    this.#ports = ports;
    this.#letters = new DeadLetterWriter(slot, store, relay, ports, {
      recover: (commands, round) => this.#recover(commands, round),
      afterFault: (state, error, commands, round) =>
        this.#afterFault(state, error, commands, round),
    });
    this.#suspects = new Suspects(slot, store, {
      process: (commands, round) => this.#process(commands, round),
      gate: (commands, round) => this.#gate(commands, round),
      recover: (commands, round) => this.#recover(commands, round),
      giveUp: (...given) => this.#letters.giveUp(...given),
    });
    this.#isolation = new Isolation(slot, ports, {
      attempt: (...given) => this.#attemptAlone(...given),
      forget: (keyTexts) => this.#forget(keyTexts),
      recover: (commands, round) => this.#recover(commands, round),
      giveUp: (...given) => this.#letters.giveUp(...given),
    });
    this.#epochSeenMs = performance.now();
  }

  /** Ends every wait between attempts; what is in hand is then not acked. */
  stop(): void {
    this.#stopped = true;
    this.#isolation.stop();
    this.#store.endWaits();
  }

  /**
   * Brings a connection back that broke between two messages. Throws {@link FencedError} when the slot is lost and
   * {@link ReleasingError} after {@link stop}.
   */
  async reconnect(): Promise<void> {
    if (!this.#store.isLost || this.#stopped) return;
    const active = [...this.#table];
    await this.#recover([]);
    if (this.#table.size > 0 || active.length === 0) return;
    await this.#activateAgain(active);
  }

  /**
   * Handles a message; returns the encoded answers, in order. Throws {@link FencedError} when the slot is
   * lost and {@link ReleasingError} after {@link stop}; nothing of the message may be acked then.
   */
  async handle(delivery: Delivery): Promise<Uint8Array[]> {
    const answers: Uint8Array[] = [];
    let batch;
    try {
      batch = decodeBatch(delivery.body);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      await this.#letters.keep(delivery.body, error.message);
      return answers;
    }
    const commands: Command[] = [];
    const places = new Map<Command, OutboxPlaceName>();
    for (const [i, bytes] of batch.envelopes.entries()) {
      const received = this.#receive(bytes, delivery.publisher, answers);
      if (received instanceof DecodeError) await this.#letters.keep(bytes, received.message);
      else if (received !== undefined) {
        commands.push(received);
        const place = batch.places[i];
        if (place !== undefined) places.set(received, place);
      }
    }
    const suspect = batch.suspect || (delivery.redelivered && !this.#store.clean);
    const round = new Round({
      routeVersion: batch.routeVersion,
      lookFirst: delivery.redelivered,
      recent: this.#recent,
      metrics: this.#ports.metrics,
      origin: batch.life === 0n ? undefined : { life: batch.life, places },
    });
    await (suspect ? this.#suspects.process(commands, round) : this.#process(commands, round));
    return [...answers, ...round.answers];
  }

  /** Undefined: it was answered. */
  #receive(
    bytes: Uint8Array,
    publisher: Publisher,
    answers: Uint8Array[],
  ): Command | DecodeError | undefined {
    let envelope;
    try {
      envelope = decodeEnvelope(bytes);
    } catch (error) {
      if (error instanceof DecodeError) return error;
      throw error;
    }
    const command = commandOf(envelope, bytes, publisher, this.#ports.registry);
    if (!isFault(command)) return command;
    if (command.reason === forged) {
      this.#ports.metrics.forged.inc({ publisher: publisherText(publisher) });
    }
    this.#ports.logger.warn(
      {
        ...commandBindings(this.#slot, envelope),
        reason: command.reason,
        producer: envelope.producer?.instance,
        publisher: publisherText(publisher),
      },
      "a command was refused by its envelope",
    );
    answers.push(
      answerBytes(envelope, errorAnswer(command.code, command.reason, command.message), false),
    );
    return undefined;
  }

  /** Finishes `todo` from the front until nothing is left. */
  async #process(todo: readonly Command[], round: Round): Promise<void> {
    let rest = [...todo];
    while (rest.length > 0) {
      if (this.#stopped) throw new ReleasingError(this.#slot);
      try {
        // Not even an answer from memory: the database may come back from an earlier moment.
        if (this.#store.isLost) throw new OutcomeUnknownError(new Error("the connection is lost"));
        rest = await dropUnsent(rest, round, this.#slot, this.#store, this.#ports);
        if (rest.length > 0) rest = await this.#advance(rest, round);
      } catch (error) {
        if (error instanceof OutcomeUnknownError) await this.#recover(rest, round);
        else if (!(error instanceof RulesHostGoneError)) throw error;
      }
    }
  }

  /** Finishes a front part of `todo`; returns what is left. */
  async #advance(todo: Command[], round: Round): Promise<Command[]> {
    const front = frontWithoutRepetition(todo);
    const behind = todo.slice(front.length);
    const open = await this.#gate(front, round);
    if (open.length === 0) return behind;
    const { rules } = this.#ports;
    const ready = await this.#activate(open, rules, round);
    if (ready.length === 0) return behind;
    const decision = await rules.decide(this.#slot, this.#moment(), ready.map(hostCommand));
    const { fault } = decision;
    if (fault === undefined || fault.kind === "threw") {
      const decided = ready.slice(0, decision.outcomes.length);
      const result = await this.#commit(decided, decision.outcomes, rules, round);
      if (!result.done) {
        // Nothing of this part stands: what was answered is answered, the rest is decided again.
        return [...result.redo, ...ready.slice(decided.length), ...behind];
      }
      if (fault === undefined) return behind;
      await this.#isolation.isolate(ready[decided.length]!, fault, round);
      return [...ready.slice(decided.length + 1), ...behind];
    }
    this.#table.dropHexes();
    if (fault.kind === "restarted") return [...ready, ...behind];
    // The host is new and empty: what stood before the culprit is decided again, then the culprit alone.
    const culprit = ready[fault.index];
    if (culprit === undefined) return [...ready, ...behind];
    await this.#process(ready.slice(0, fault.index), round);
    await this.#isolation.isolate(culprit, fault, round);
    return [...ready.slice(fault.index + 1), ...behind];
  }

  /** Answers what needs no decision: repetitions, expired and stale commands. Returns the others. */
  async #gate(commands: readonly Command[], round: Round): Promise<Command[]> {
    const stored = round.lookFirst
      ? await this.#store.run((client) => findResults(client, commands.filter(isDurable)))
      : new Map<string, StoredResult>();
    const nowMs = this.#ports.worldNow();
    return commands.filter((command) => {
      const { idempotencyKey } = command;
      const known =
        this.#recent.get(idempotencyKey) ??
        (stored.size > 0 ? stored.get(bytesText(idempotencyKey)) : undefined);
      if (known !== undefined && isDurable(command)) {
        round.replay(command, known);
        return false;
      }
      const { deadlineMs } = command.envelope;
      const isLate = deadlineMs > 0n && deadlineMs < BigInt(nowMs);
      // One that has cost an attempt ends as a result or as a letter: each resend would begin anew.
      if (isLate && !this.#isolation.isCharged(command)) {
        round.fail(
          command,
          ErrorCode.UNAVAILABLE,
          "expired",
          "its deadline passed before it was decided",
        );
        return false;
      }
      if (command.fromClient && nowMs - command.requestMs > this.#ports.staleAfterMs) {
        round.failStale(command);
        return false;
      }
      return true;
    });
  }

  /** Loads the hexes of `commands` into `host`; answers those that cannot be. Returns the others. */
  async #activate(
    commands: readonly Command[],
    host: RulesHost,
    round: Round,
    read?: ReadHexes,
  ): Promise<Command[]> {
    const { quarantined, moved } = await activate(
      commands,
      this.#table,
      host,
      this.#slot,
      this.#store,
      this.#ports,
      read,
    );
    if (quarantined.size === 0 && moved.size === 0) return [...commands];
    // "Not executed" is said only when it is certain: an earlier copy may have been, before the hex was set aside.
    const doubtful = commands.filter(
      (command) => quarantined.has(command.keyText) && isDurable(command),
    );
    const stored =
      doubtful.length === 0
        ? new Map<string, StoredResult>()
        : await this.#store.run((client) => findResults(client, doubtful));
    return commands.filter((command) => {
      if (quarantined.has(command.keyText)) {
        const known = stored.get(bytesText(command.idempotencyKey));
        if (known !== undefined) {
          round.replay(command, known);
          return false;
        }
        round.fail(
          command,
          ErrorCode.UNAVAILABLE,
          "hex-quarantined",
          "the hex cannot be activated; its operators have been told",
        );
        return false;
      }
      if (moved.has(command.keyText)) round.failMoved(command);
      return !moved.has(command.keyText);
    });
  }

  async #commit(
    commands: readonly Command[],
    outcomes: readonly HostOutcome[],
    host: RulesHost,
    round: Round,
  ): Promise<CommitResult> {
    if (commands.length === 0) return { done: true };
    const decided = commands.map((command, i): DecidedCommand => {
      const hex = this.#table.find(command.keyText, host.generation);
      if (hex === undefined) throw new RulesHostGoneError("between decision and commit");
      return { command, hex, outcome: outcomes[i]! };
    });
    const plan = planCommit(decided, {
      epoch: this.#store.epoch,
      producer: this.#ports.identity,
      mintId: uuidv7Bytes,
    });
    const failed = await this.#write(plan, commands, round, host);
    if (failed !== undefined) return { done: false, redo: failed };
    host.settle(this.#slot);
    showCommit(plan, decided, round, this.#slot, this.#ports);
    return { done: true };
  }

  /** Stores a plan. Undefined = stored; else the commands to decide again. */
  async #write(
    plan: CommitPlan,
    commands: readonly Command[],
    round: Round,
    host: RulesHost,
  ): Promise<Command[] | undefined> {
    if (plan.rows.results.length === 0) {
      await this.#proveEpoch();
      return undefined;
    }
    for (let attempt = 1; ; attempt++) {
      const startedMs = performance.now();
      try {
        const part = {
          slot: this.#slot,
          epoch: this.#store.epoch,
          routeVersion: round.routeVersion,
          rows: plan.rows,
        };
        const positions =
          (await this.#store.commitTogether(part)) ??
          (await this.#store.run((client) => commitBatch(client, part)));
        this.#epochSeenMs = startedMs;
        this.#staleInARow = 0;
        this.#ports.metrics.commit.observe((performance.now() - startedMs) / 1000);
        this.#relay.committed(plan.rows.outbox, positions);
        this.#timers.committed(plan.rows.timers);
        return undefined;
      } catch (error) {
        const state = sqlStateOf(error);
        if (error instanceof OutcomeUnknownError || state === undefined) throw error;
        if (state.startsWith("HX")) {
          host.rollback(this.#slot);
          return this.#afterFault(state, error, commands, round);
        }
        this.#ports.metrics.retries.inc({ cause: "store" });
        this.#ports.logger.warn({ err: error, slot: this.#slot, attempt }, "a commit was refused");
        if (attempt < attemptsMax) {
          await pause(storeBackoffMs * 2 ** (attempt - 1) * (0.8 + Math.random() * 0.4));
          continue;
        }
        host.rollback(this.#slot);
        return this.#afterRefusals(error, commands, round);
      }
    }
  }

  /** The store refuses this commit for ever: one command of it is to blame. */
  async #afterRefusals(
    error: unknown,
    commands: readonly Command[],
    round: Round,
  ): Promise<Command[]> {
    if (commands.length === 1) {
      await this.#letters.giveUp(commands[0]!, (error as Error).message, attemptsMax, round);
      return [];
    }
    for (const command of commands) await this.#process([command], round);
    return [];
  }

  /** Answers what a fault of `commit_batch` has settled; returns what is decided again. */
  #afterFault(
    state: string,
    error: unknown,
    commands: readonly Command[],
    round: Round,
  ): Promise<Command[]> {
    return afterCommitFault(state, error, commands, round, {
      store: this.#store,
      table: this.#table,
      forget: (keyTexts) => this.#forget(keyTexts),
      onStaleHead: (cause, keyTexts) => this.#onStaleHead(cause, commands, keyTexts),
    });
  }

  /** Waits before the hexes are read anew; those that stay stale are quarantined. */
  async #onStaleHead(
    cause: unknown,
    commands: readonly Command[],
    keyTexts: ReadonlySet<string>,
  ): Promise<void> {
    this.#ports.metrics.alarms.inc({ alarm: "head-stale" });
    const times = ++this.#staleInARow;
    if (times > 1) {
      this.#ports.logger.error(
        { err: cause, slot: this.#slot, times },
        "a head was stale several times in a row",
      );
    }
    if (times < attemptsMax) {
      await pause(staleBackoffMs * 2 ** (times - 1));
      return;
    }
    this.#staleInARow = 0;
    const places = new Map(commands.map((command) => [command.keyText, command]));
    for (const keyText of keyTexts) {
      const place = places.get(keyText);
      if (place === undefined) continue;
      await quarantine(place, "its head is not where its journal leads", {
        slot: this.#slot,
        table: this.#table,
        store: this.#store,
        ports: this.#ports,
      });
    }
  }

  #forget(keyTexts: readonly string[]): void {
    this.#table.forget(keyTexts);
    this.#ports.rules.forget(this.#slot, keyTexts, true);
  }

  /** After a missing answer of the store: a new epoch first, then reload, then decide again. */
  async #recover(commands: readonly Command[], round?: Round): Promise<void> {
    const { life } = this.#store;
    this.waitsForStore = true;
    try {
      await this.#store.recover();
    } finally {
      this.waitsForStore = false;
    }
    this.#ports.rules.rollback(this.#slot);
    if (this.#store.life === life) {
      // What had no answer may have been stored after all.
      this.#relay.reread();
      this.#forget([...new Set(commands.map((command) => command.keyText))]);
    } else {
      this.#forgetEverything();
    }
    this.#timers.reread();
    this.#epochSeenMs = performance.now();
    if (round !== undefined) round.lookFirst = true;
  }

  /** The database may have come back from an earlier moment: only what it says now counts. */
  #forgetEverything(): void {
    this.#ports.logger.warn(
      { slot: this.#slot, hexes: this.#table.size },
      "PostgreSQL has been started anew: what is remembered of the slot is read again",
    );
    this.#relay.restart();
    this.#recent = createRecentAnswers();
    this.#table.clear();
    this.#ports.rules.forget(this.#slot, undefined, false);
  }

  /** Loads hexes that were in memory, so that whoever watches them hears of their new activation. */
  async #activateAgain(hexes: readonly ActiveHex[]): Promise<void> {
    for (let from = 0; from < hexes.length && !this.#stopped; from += activateMax) {
      const places = hexes.slice(from, from + activateMax);
      const { rules } = this.#ports;
      await activate(places, this.#table, rules, this.#slot, this.#store, this.#ports);
      for (const { keyText } of places) {
        const hex = this.#table.find(keyText, rules.generation);
        if (hex !== undefined) hex.changedMs = this.#ports.worldNow();
      }
    }
  }

  async #proveEpoch(): Promise<void> {
    const startedMs = performance.now();
    if (startedMs - this.#epochSeenMs < epochSeenMsMax) return;
    const held = await this.#store.run((client) =>
      holdsSlot(client, this.#slot, this.#store.epoch),
    );
    if (!held) throw new FencedError(this.#slot, "another owner has minted an epoch");
    this.#epochSeenMs = startedMs;
  }

  #moment(): DecideMoment {
    const { worldNow, worldFormat } = this.#ports;
    return { nowMs: worldNow(), worldFormat: worldFormat() };
  }

  /** One attempt. Undefined: the command is finished. */
  async #attemptAlone(
    command: Command,
    host: RulesHost,
    round: Round,
    limitMs: number | undefined,
    read: ReadHexes,
  ): Promise<HostFault | undefined> {
    const open = await this.#gate([command], round);
    const ready = open.length === 0 ? [] : await this.#activate(open, host, round, read);
    if (ready.length === 0) return undefined;
    const decision = await host.decide(this.#slot, this.#moment(), [hostCommand(command)], limitMs);
    const { fault } = decision;
    if (fault?.kind === "restarted") throw new RulesHostGoneError("at another command");
    if (fault !== undefined) return fault;
    const result = await this.#commit([command], decision.outcomes, host, round);
    if (!result.done && result.redo.length > 0) await this.#process(result.redo, round);
    return undefined;
  }
}

/**
 * A front part in which no idempotency key comes twice. Those whose first 30 bits are the same are taken for
 * the same: it costs a commit more, and nothing else.
 */
function frontWithoutRepetition(commands: readonly Command[]): Command[] {
  const seen = new Set<number>();
  for (const [i, { idempotencyKey: key }] of commands.entries()) {
    const bits = key[0]! | (key[1]! << 8) | (key[2]! << 16) | ((key[3]! & 0x3f) << 24);
    if (seen.has(bits)) return commands.slice(0, i);
    seen.add(bits);
  }
  return [...commands];
}

function hostCommand(command: Command): HostCommand {
  const { envelope } = command;
  return {
    keyText: command.keyText,
    type: envelope.type,
    payload: envelope.payload,
    sender: command.sender,
    accountId: envelope.accountId.length > 0 ? envelope.accountId : undefined,
    sessionId: envelope.sessionId.length > 0 ? envelope.sessionId : undefined,
    volatileSeq: envelope.volatileSeq,
  };
}
