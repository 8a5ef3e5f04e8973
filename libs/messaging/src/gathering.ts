/**
 * Gathering of one slot's commands into queue messages, by unanswered message.
 *
 * A lane sends at once while nothing is outstanding. While a message is, commands gather; they are sent
 * when every command of it is settled, or when it is confirmed and `openAfterConfirmMs` have passed, so
 * that the queue and not the producer's memory holds commands while nobody answers. No timer runs when
 * idle, and batches grow with load.
 *
 * Modes of the lane:
 * - `open`: as above.
 * - `held`: the connection is gone. Nothing is sent, nothing gathers; what was sent and is unsettled stays.
 *   `reopen` sends that first, in its order and with the same ids, then goes on.
 */
import type { PublishOutcome } from "./bus.ts";

/** A command as a lane sees it. Object identity is its identity. */
export interface GatheredCommand {
  /** Encoded envelope. */
  readonly envelope: Uint8Array;
  /** Commands of one account for one key: what gathered behind a failed one fails with it. */
  readonly orderKey: string;
  /** The lane's own mark: the message with which the command is on its way, until it is settled. */
  sentWith?: SentMessage | undefined;
}

export interface GatheringLimits {
  readonly envelopesMax: number;
  readonly bytesMax: number;
  /** Commands that may wait to be sent. */
  readonly gatheredMax: number;
  readonly openAfterConfirmMs: number;
}

/**
 * 256 envelopes, the most of a batch (docs/formats.md), or 128 KiB, the largest frame of RabbitMQ by default; 100 ms
 * after the confirm, so that a queue that nobody consumes holds commands instead of the memory of producers.
 */
export const gatheringLimits: GatheringLimits = {
  envelopesMax: 256,
  bytesMax: 128 * 1024,
  gatheredMax: 8192,
  openAfterConfirmMs: 100,
};

export interface GatheringPort<C extends GatheredCommand> {
  /** Publishes one message with these commands. */
  publish(commands: readonly C[]): Promise<PublishOutcome>;
  /** These were certainly not executed and are no longer the lane's. */
  failed(commands: readonly C[], outcome: "refused" | "unroutable" | "unsent"): void;
  /** Calls `run` once after `ms`; returns its cancellation. */
  delay(ms: number, run: () => void): () => void;
}

/** A message on its way. */
export interface SentMessage<C = unknown> {
  readonly commands: readonly C[];
  /** Those of its commands that are not settled. */
  unsettled: number;
  /** The next message may go although this one is not answered. */
  opened: boolean;
  cancelOpening: (() => void) | undefined;
}

export class GatheringLane<C extends GatheredCommand> {
  readonly #port: GatheringPort<C>;
  readonly #limits: GatheringLimits;
  /** Messages with commands that are not settled, oldest first: hardly ever more than one. */
  #sent: SentMessage<C>[] = [];
  #gathered: C[] = [];
  #last: SentMessage<C> | undefined;
  #held = false;

  constructor(port: GatheringPort<C>, limits: GatheringLimits = gatheringLimits) {
    this.#port = port;
    this.#limits = limits;
  }

  /** Takes a command. False: the lane is held or full, and the command is not its own. */
  offer(command: C): boolean {
    if (this.#held || this.#gathered.length >= this.#limits.gatheredMax) return false;
    this.#gathered.push(command);
    this.#sendIfFree();
    return true;
  }

  /** The command is answered, or given up at its deadline. */
  settle(command: C): void {
    const message = command.sentWith;
    if (message === undefined) return;
    command.sentWith = undefined;
    message.unsettled--;
    if (message.unsettled > 0) return;
    this.#forget(message);
    this.#sendIfFree();
  }

  /** The connection is gone. Returns what had only gathered: it was never handed over. */
  hold(): C[] {
    this.#held = true;
    this.#last?.cancelOpening?.();
    this.#last = undefined;
    const unsent = this.#gathered;
    this.#gathered = [];
    return unsent;
  }

  /** A new connection is there: sends everything unsettled again, before anything newer. */
  reopen(): void {
    this.#held = false;
    const unsettled = this.#sent.flatMap(unsettledOf);
    for (const command of unsettled) command.sentWith = undefined;
    this.#sent = [];
    this.#gathered = [...unsettled, ...this.#gathered];
    this.#sendIfFree();
  }

  #sendIfFree(): void {
    while (!this.#held && this.#gathered.length > 0) {
      const last = this.#last;
      if (last !== undefined && last.unsettled > 0 && !last.opened) return;
      last?.cancelOpening?.();
      this.#send(this.#takeBatch());
    }
  }

  #takeBatch(): C[] {
    let bytes = 0;
    let count = 0;
    for (const command of this.#gathered) {
      bytes += command.envelope.length;
      if (count > 0 && (count >= this.#limits.envelopesMax || bytes > this.#limits.bytesMax)) break;
      count++;
    }
    if (count === this.#gathered.length) {
      const all = this.#gathered;
      this.#gathered = [];
      return all;
    }
    return this.#gathered.splice(0, count);
  }

  #send(commands: C[]): void {
    const message: SentMessage<C> = {
      commands,
      unsettled: commands.length,
      opened: false,
      cancelOpening: undefined,
    };
    for (const command of commands) command.sentWith = message;
    this.#sent.push(message);
    this.#last = message;
    void this.#port.publish(commands).then((outcome) => this.#published(message, outcome));
  }

  #forget(message: SentMessage): void {
    this.#sent = this.#sent.filter((other) => other !== message);
  }

  #published(message: SentMessage<C>, outcome: PublishOutcome): void {
    switch (outcome) {
      case "confirmed":
        if (message !== this.#last || message.unsettled === 0) return;
        message.cancelOpening = this.#port.delay(this.#limits.openAfterConfirmMs, () => {
          message.opened = true;
          this.#sendIfFree();
        });
        return;
      case "unknown":
        // The connection is gone: `hold` comes, and `reopen` sends them again.
        return;
      default: {
        const failed = unsettledOf(message);
        for (const command of failed) command.sentWith = undefined;
        this.#forget(message);
        message.unsettled = 0;
        const orderKeys = new Set(failed.map((command) => command.orderKey));
        const behind = this.#gathered.filter((command) => orderKeys.has(command.orderKey));
        this.#gathered = this.#gathered.filter((command) => !orderKeys.has(command.orderKey));
        this.#port.failed([...failed, ...behind], outcome);
        this.#sendIfFree();
      }
    }
  }
}

function unsettledOf<C extends GatheredCommand>(message: SentMessage<C>): C[] {
  return message.commands.filter((command) => command.sentWith === message);
}
