/**
 * What the outbox lanes of all slots of a worker send goes through here: whatever is for the same queue at the
 * same time becomes one message. A message costs a quorum queue as much with three envelopes as with a hundred,
 * and a worker has many slots.
 */
import {
  type BatchOrigin,
  type Bus,
  encodeBatch,
  gatheringLimits,
  type PublishOutcome,
} from "@hexhold/messaging";

export interface OutboxParcel {
  readonly queue: string;
  /** Of the route table by which the queue was found. */
  readonly routeVersion: bigint;
  /** Encoded, in their order. */
  readonly envelopes: readonly Uint8Array[];
  /** Where they lie in the outbox; absent: no commit owes them. */
  readonly origin?: BatchOrigin;
  /** Names the message when the parcel is the first in it. */
  readonly messageId: string;
  /** Longest time between two messages to its queue: see {@link gatherMs}. */
  readonly gatherMs: number;
}

/** Nobody waits for what services get; a player stands between two hexes while hexes write to each other. */
export const gatherMs = { services: 200, hexes: 5 } as const;

export interface OutboxSender {
  /** Publishes the envelopes in one message; resolves when the broker has said what became of it. */
  send(parcel: OutboxParcel): Promise<PublishOutcome>;
}

interface WaitingParcel extends OutboxParcel {
  readonly settle: (outcome: PublishOutcome | Promise<PublishOutcome>) => void;
}

/** What gathers for a queue. After a rest longer than its time to gather a parcel leaves at once. */
interface Gathering {
  readonly queue: string;
  readonly gatherMs: number;
  parcels: WaitingParcel[];
  departedMs: number;
  timer: NodeJS.Timeout | undefined;
}

export function createOutboxSender(bus: Bus): OutboxSender {
  /** Never more than there are queues. */
  const gatherings = new Map<string, Gathering>();

  /** All that gather as long as `first`: queues that leave together share writes, confirms and marks. */
  function depart(first: Gathering): void {
    const nowMs = performance.now();
    for (const gathering of gatherings.values()) {
      const { queue, parcels, timer } = gathering;
      if (parcels.length === 0 || gathering.gatherMs !== first.gatherMs) continue;
      clearTimeout(timer);
      gathering.parcels = [];
      gathering.timer = undefined;
      gathering.departedMs = nowMs;
      for (const load of loadsOf(parcels)) publish(queue, load);
    }
  }

  function publish(queue: string, load: readonly WaitingParcel[]): void {
    const { routeVersion, messageId } = load[0]!;
    const envelopes = load.flatMap((parcel) => parcel.envelopes);
    const places = load.flatMap((parcel) => parcel.origin?.places ?? []);
    const origin = places.length === 0 ? undefined : { life: lifeOf(load[0]!), places };
    const outcome = bus.publish(queue, {
      type: "batch.v1",
      body: encodeBatch({ routeVersion, envelopes, origin }),
      messageId,
    });
    for (const parcel of load) parcel.settle(outcome);
  }

  return {
    send(parcel) {
      const { promise, resolve } = Promise.withResolvers<PublishOutcome>();
      const { queue, gatherMs: ownMs } = parcel;
      let gathering = gatherings.get(queue);
      if (gathering === undefined) {
        const departedMs = Number.NEGATIVE_INFINITY;
        gathering = { queue, gatherMs: ownMs, parcels: [], departedMs, timer: undefined };
        gatherings.set(queue, gathering);
      }
      const here = gathering;
      here.parcels.push({ ...parcel, settle: resolve });
      here.timer ??= setTimeout(
        () => depart(here),
        Math.max(0, here.departedMs + ownMs - performance.now()),
      );
      return promise;
    },
  };
}

/** 0 = no commit owes it. */
function lifeOf({ origin }: OutboxParcel): bigint {
  return origin?.life ?? 0n;
}

/** Parcels that fit into one message, follow the same route table and are of one life; a parcel is never divided. */
function loadsOf(parcels: readonly WaitingParcel[]): WaitingParcel[][] {
  const loads: WaitingParcel[][] = [];
  let count = 0;
  let bytes = 0;
  for (const parcel of parcels) {
    const last = loads.at(-1);
    const size = parcel.envelopes.reduce((sum, envelope) => sum + envelope.length, 0);
    const fits =
      last?.[0]?.routeVersion === parcel.routeVersion &&
      lifeOf(last[0]) === lifeOf(parcel) &&
      count + parcel.envelopes.length <= gatheringLimits.envelopesMax &&
      bytes + size <= gatheringLimits.bytesMax;
    if (fits) last.push(parcel);
    else loads.push([parcel]);
    count = parcel.envelopes.length + (fits ? count : 0);
    bytes = size + (fits ? bytes : 0);
  }
  return loads;
}
