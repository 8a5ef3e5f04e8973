/**
 * The driver of one slot: takes it, consumes its queue, and carries each message through
 * deliver → validate → decide → commit → swap state → reply and views → ack. It never decides.
 *
 * Modes:
 * - `taking`: the grant is being turned into an epoch; nothing is consumed.
 * - `running`: messages are handled one after another on a channel of the slot's own.
 * - `detached`: the channel or the broker is gone; the slot is still held, and is consumed again as soon as
 *   its epoch has been proved current.
 * - `ended`: nothing more happens here. *released*: given back in good order. *fenced*: somebody else has it.
 *   *failed*: this driver threw something that is no state of a commit. Then nothing is acked and the slot is not
 *   released; the next heartbeat leaves it out, and the router grants it anew, to this worker too. Its next owner
 *   gets the message in hand again as a suspect (`suspect.ts`): a message that fails every driver costs the slot
 *   six owners, then its command is a dead letter.
 *
 * Two states of a commit are no errors and have one exit each: *fenced* ends the slot, *outcome unknown*
 * mints a new epoch, reloads and decides again.
 */
import { setTimeout as pause } from "node:timers/promises";
import {
  type Delivery,
  routeOf,
  type Subscription,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { type ActiveHex, HexTable } from "../actor/hex-table.ts";
import { readMarks } from "../actor/quarantine.ts";
import type { CapturedHex } from "../rules/rules-host.ts";
import { gatherMs } from "../outbox/outbox-sender.ts";
import { startRelay, type OutboxRelay } from "../outbox/relay.ts";
import { fireEnvelope } from "../timer/fire-envelope.ts";
import { type DueTimer, type SlotTimers, startSlotTimers } from "../timer/slot-timers.ts";
import { BatchHandler } from "./batch-handler.ts";
import { FencedError, holdsSlot, ReleasingError } from "./ownership.ts";
import type { SlotPorts } from "./slot-ports.ts";
import { OutcomeUnknownError, SlotStore } from "./slot-store.ts";

export type SlotEnd = "released" | "fenced" | "failed";

/** Told what the cluster should know at once. */
export interface SlotListener {
  /** Its queue is consumed, from now on or again. */
  serving(): void;
  ended(end: SlotEnd): void;
}

export interface SlotReport {
  readonly slot: string;
  readonly epoch: bigint;
  readonly commands: number;
  readonly stalled: boolean;
  /** Mean time of a batch since the last report, microseconds; 0 = there was none. */
  readonly handlingUs: number;
}

const consumeRetryMs = 200;
/** After a slot was taken: players wait for its first answers, and for nothing else of it. */
const settleMs = 500;
/** A slot that is asked for is given back within 2 s, or its connections are closed by the router. */
const saveAheadMsMax = 1000;
/** Time for what is in hand when a slot is given up. */
const drainMsMax = 5000;

export class SlotRunner {
  readonly slot: string;
  readonly #ports: SlotPorts;
  readonly #listener: SlotListener;
  readonly #table = new HexTable();
  #mode: "taking" | "running" | "detached" | "ended" = "taking";
  #store: SlotStore | undefined;
  #relay: OutboxRelay | undefined;
  #timers: SlotTimers | undefined;
  #handler: BatchHandler | undefined;
  #subscription: Subscription | undefined;
  #inHand: Promise<void> = Promise.resolve();
  #taking: Promise<boolean> = Promise.resolve(false);
  #commands = 0;
  #batches = 0;
  #handledMs = 0;
  #releaseAsked = false;
  #releasing = false;

  constructor(slot: string, ports: SlotPorts, listener: SlotListener) {
    this.slot = slot;
    this.#ports = ports;
    this.#listener = listener;
  }

  get table(): HexTable {
    return this.#table;
  }

  get epoch(): bigint {
    return this.#store?.epoch ?? 0n;
  }

  /** Takes the slot and starts to consume. Resolves false when the grant came too late. Called once. */
  start(expectedEpoch: bigint): Promise<boolean> {
    this.#taking = this.#start(expectedEpoch);
    return this.#taking;
  }

  async #start(expectedEpoch: bigint): Promise<boolean> {
    const { identity, connect, logger } = this.#ports;
    try {
      this.#store = await SlotStore.take(
        {
          slot: this.slot,
          worker: identity.instance,
          incarnation: identity.incarnation,
          connect,
          group: this.#ports.group,
          logger,
          now: () => performance.now(),
          onLost: () => this.#reconnect(),
        },
        expectedEpoch,
      );
    } catch (error) {
      this.#mode = "ended";
      const late = error instanceof FencedError;
      logger[late ? "info" : "warn"](
        { err: error, slot: this.slot },
        "a granted slot was not taken",
      );
      return false;
    }
    const store = this.#store;
    this.#relay = startRelay({
      slot: this.slot,
      life: () => store.life,
      sender: this.#ports.outbox,
      pool: this.#ports.pool,
      routes: this.#ports.routes,
      logger,
      onSent: (destination, count) => this.#ports.metrics.outboxSent.inc({ destination }, count),
    });
    this.#timers = startSlotTimers({
      slot: this.slot,
      pool: this.#ports.pool,
      worldNow: this.#ports.worldNow,
      fire: (timer) => this.#fire(timer),
      logger,
      readAfterMs: settleMs,
    });
    this.#handler = new BatchHandler(
      this.slot,
      store,
      this.#table,
      this.#relay,
      this.#timers,
      this.#ports,
    );
    logger.info(
      { slot: this.slot, epoch: store.epoch.toString(), clean: store.clean },
      "slot taken",
    );
    this.#mode = "detached";
    setTimeout(() => void this.#readMarks(), settleMs).unref();
    void this.#keepConsuming();
    return true;
  }

  /** Which hexes were quarantined before; few, if any. One that is activated before this is known keeps its mark. */
  async #readMarks(): Promise<void> {
    try {
      const { keyTexts, isCut } = await readMarks(this.#ports.pool, this.slot);
      for (const text of keyTexts) this.#table.marked.add(text);
      if (isCut) {
        this.#ports.logger.warn(
          { slot: this.slot, known: keyTexts.length },
          "more hexes are quarantined than a slot knows of: the others keep their marks when they can be served",
        );
      }
    } catch (error) {
      this.#ports.logger.warn({ err: error, slot: this.slot }, "quarantined hexes are not known");
    }
  }

  /** What the heartbeat says of it; undefined when it is not held. Counts commands since the last call. */
  report(): SlotReport | undefined {
    const store = this.#store;
    if (this.#mode === "ended" || this.#mode === "taking" || store === undefined) return undefined;
    const commands = this.#commands;
    const handlingUs = Math.round((this.#handledMs * 1000) / Math.max(1, this.#batches));
    this.#commands = 0;
    this.#batches = 0;
    this.#handledMs = 0;
    const silent = performance.now() - store.answeredMs > this.#ports.leaseTtlMs;
    return {
      slot: this.slot,
      epoch: store.epoch,
      commands,
      handlingUs,
      stalled: this.#mode !== "running" || (silent && this.#handler?.waitsForStore === true),
    };
  }

  /** The outbox's lanes were set back. */
  resend(): void {
    this.#relay?.restart();
  }

  /** Committed state of hexes in memory. */
  capture(keyTexts: readonly string[]): Promise<readonly CapturedHex[]> {
    return this.#ports.rules.capture(this.slot, keyTexts);
  }

  /**
   * Drops actors from memory, between two messages; returns those that are gone. One that has been asked since it
   * was chosen stays, and so does one whose volatile part nobody has but memory.
   */
  passivate(hexes: readonly ActiveHex[]): Promise<ReadonlySet<ActiveHex>> {
    const chosen = hexes.map((hex) => ({ hex, usedMs: hex.usedMs }));
    const done = this.#inHand.then(() => {
      if (!this.#isHeld()) return new Set<ActiveHex>();
      const gone = chosen.flatMap(({ hex, usedMs }) => {
        const isHere = this.#table.find(hex.keyText, hex.generation) === hex;
        return isHere && hex.usedMs === usedMs && hex.unsavedVolatile === 0 ? [hex] : [];
      });
      if (gone.length > 0) {
        const texts = gone.map((hex) => hex.keyText);
        this.#table.forget(texts);
        this.#ports.rules.forget(this.slot, texts, false);
      }
      return new Set(gone);
    });
    this.#inHand = done.then(() => undefined);
    return done;
  }

  /**
   * Saves what has no snapshot while it still serves, then finishes what is in hand, saves what the journal
   * does not have of the rest, and gives the slot back: the next owner reads little. Idempotent.
   */
  async release(reason: string, save: (what: "all" | "volatile") => Promise<void>): Promise<void> {
    if (this.#mode === "ended" || this.#releaseAsked) return;
    this.#releaseAsked = true;
    this.#ports.logger.info({ slot: this.slot, reason }, "giving a slot back");
    // What is being taken can only be given back once it is held.
    await this.#taking;
    // A snapshot that comes late is one that is missing: never a brake.
    await Promise.race([save("all"), pause(saveAheadMsMax, undefined, { ref: false })]);
    this.#releasing = true;
    this.#handler?.stop();
    await Promise.race([
      this.#inHand,
      // Not a reason for a process to stay.
      new Promise((resolve) => setTimeout(resolve, drainMsMax).unref()),
    ]);
    // What the next owner loads; its consumer waits for the end of this channel in any case.
    await save("volatile");
    await this.#end("released", true);
  }

  async #keepConsuming(): Promise<void> {
    // It has just been minted.
    let proved = true;
    while (this.#isHeld() && !this.#releasing) {
      try {
        if (!proved) await this.#proveEpoch();
        proved = false;
        const subscription = await this.#ports.bus.consume(this.slot, {
          prefetch: 1,
          onDelivery: (delivery) => this.#take(delivery),
        });
        this.#subscription = subscription;
        if (this.#releasing || !this.#isHeld()) {
          await subscription.close();
          return;
        }
        this.#mode = "running";
        this.#listener.serving();
        const why = await subscription.closed;
        this.#subscription = undefined;
        if (this.#isHeld() && !this.#releasing) {
          this.#mode = "detached";
          this.#ports.logger.warn({ slot: this.slot, why }, "the slot's channel is gone");
        }
      } catch (error) {
        if (error instanceof ReleasingError) return;
        if (error instanceof FencedError) {
          await this.#fenced(error);
          return;
        }
        this.#ports.logger.debug({ err: error, slot: this.slot }, "cannot consume yet");
        await new Promise((resolve) => setTimeout(resolve, consumeRetryMs));
      }
    }
  }

  /** After a lost channel: only a slot whose epoch is current is consumed again. */
  async #proveEpoch(): Promise<void> {
    const store = this.#store!;
    // What was in hand runs on the same connection.
    await this.#inHand;
    try {
      const held = await store.run((client) => holdsSlot(client, this.slot, store.epoch));
      if (!held) throw new FencedError(this.slot, "another owner has minted an epoch");
    } catch (error) {
      if (!(error instanceof OutcomeUnknownError)) throw error;
      await store.recover();
    }
  }

  /** The store's connection broke: it is brought back at once, between two messages. */
  #reconnect(): void {
    this.#inHand = this.#inHand.then(async () => {
      if (!this.#isHeld() || this.#releasing) return;
      try {
        await this.#handler?.reconnect();
      } catch (error) {
        if (error instanceof ReleasingError) return;
        if (error instanceof FencedError) await this.#fenced(error);
        // The next message tries again.
        else this.#ports.logger.debug({ err: error, slot: this.slot }, "not reconnected yet");
      }
    });
  }

  #isHeld(): boolean {
    return this.#mode === "running" || this.#mode === "detached";
  }

  #take(delivery: Delivery): void {
    this.#inHand = this.#inHand.then(async () => this.#handle(delivery));
  }

  async #handle(delivery: Delivery): Promise<void> {
    const handler = this.#handler;
    // What comes while the slot is given back is for the next owner.
    if (handler === undefined || !this.#isHeld() || this.#releasing) return;
    const startedMs = performance.now();
    try {
      const answers = await handler.handle(delivery);
      await this.#ports.replies.send(delivery.replyTo, answers);
      delivery.ack();
      this.#commands += answers.length;
      this.#ports.metrics.batchSize.observe(answers.length);
      const tookMs = performance.now() - startedMs;
      this.#batches++;
      this.#handledMs += tookMs;
      this.#ports.metrics.handling.observe(tookMs / 1000);
    } catch (error) {
      // Unacked: `release` ends the slot.
      if (error instanceof ReleasingError) return;
      if (error instanceof FencedError) {
        await this.#fenced(error);
      } else {
        this.#ports.logger.error(
          { err: error, slot: this.slot },
          "a slot's driver failed; giving it up",
        );
        await this.#end("failed", false);
      }
    }
  }

  /** A timer of one of its hexes is due: the hex hears of it as of anything else. */
  async #fire(timer: DueTimer): Promise<boolean> {
    const { identity, outbox, routes, worldNow } = this.#ports;
    const table = routes();
    if (table === undefined) return false;
    const nowMs = worldNow();
    const id = uuidv7Bytes(Math.floor(nowMs));
    const outcome = await outbox.send({
      queue: routeOf(timer.key, table),
      routeVersion: table.routeVersion,
      envelopes: [fireEnvelope(timer, identity, nowMs, id)],
      messageId: uuidText(id),
      gatherMs: gatherMs.hexes,
    });
    if (outcome === "confirmed") this.#ports.metrics.timersFired.inc();
    return outcome === "confirmed";
  }

  async #fenced(error: FencedError): Promise<void> {
    // Found out twice, by a commit and by the proof after it: lost once.
    if (this.#mode === "ended") return;
    this.#ports.logger.warn({ err: error, slot: this.slot }, "fenced");
    this.#ports.metrics.fenced.inc();
    await this.#end("fenced", false);
  }

  async #end(end: SlotEnd, release: boolean): Promise<void> {
    if (this.#mode === "ended") return;
    this.#mode = "ended";
    this.#handler?.stop();
    this.#ports.rules.forget(this.slot, undefined, false);
    this.#table.clear();
    // What is on its way may come once more from the next owner, whose relay begins where this one's is
    // known to have come.
    const stopped = this.#relay?.stop();
    this.#timers?.stop();
    await Promise.all([this.#subscription?.close(), this.#store?.close(release)]);
    this.#listener.ended(end);
    if (release) await stopped;
  }
}
