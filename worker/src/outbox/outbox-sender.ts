/**
 * What the outbox lanes of all slots of a worker send goes through here: whatever is for the same queue at the
 * same time becomes one message. A message costs a quorum queue as much with three envelopes as with a hundred,
 * and a worker has many slots.
 */
import { type Bus, encodeBatch, gatheringLimits, type PublishOutcome } from "@hexhold/messaging";

export interface OutboxParcel {
  readonly queue: string;
  /** Of the route table by which the queue was found. */
  readonly routeVersion: bigint;
  /** Encoded, in their order. */
  readonly envelopes: readonly Uint8Array[];
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
  parcels: WaitingParcel[];
  departedMs: number;
  timer: NodeJS.Timeout | undefined;
}

export function createOutboxSender(bus: Bus): OutboxSender {
  /** Never more than there are queues. */
  const gatherings = new Map<string, Gathering>();

  function depart(queue: string, gathering: Gathering): void {
    const { parcels } = gathering;
    gathering.parcels = [];
    gathering.timer = undefined;
    gathering.departedMs = performance.now();
    for (const load of loadsOf(parcels)) publish(queue, load);
  }

  function publish(queue: string, load: readonly WaitingParcel[]): void {
    const { routeVersion, messageId } = load[0]!;
    const envelopes = load.flatMap((parcel) => parcel.envelopes);
    const outcome = bus.publish(queue, {
      type: "batch.v1",
      body: encodeBatch({ routeVersion, envelopes }),
      messageId,
    });
    for (const parcel of load) parcel.settle(outcome);
  }

  return {
    send(parcel) {
      const { promise, resolve } = Promise.withResolvers<PublishOutcome>();
      const { queue } = parcel;
      let gathering = gatherings.get(queue);
      if (gathering === undefined) {
        gathering = { parcels: [], departedMs: Number.NEGATIVE_INFINITY, timer: undefined };
        gatherings.set(queue, gathering);
      }
      const here = gathering;
      here.parcels.push({ ...parcel, settle: resolve });
      here.timer ??= setTimeout(
        () => depart(queue, here),
        Math.max(0, here.departedMs + parcel.gatherMs - performance.now()),
      );
      return promise;
    },
  };
}

/** Parcels that fit into one message and follow the same route table; a parcel is never divided. */
function loadsOf(parcels: readonly WaitingParcel[]): WaitingParcel[][] {
  const loads: WaitingParcel[][] = [];
  let count = 0;
  let bytes = 0;
  for (const parcel of parcels) {
    const last = loads.at(-1);
    const size = parcel.envelopes.reduce((sum, envelope) => sum + envelope.length, 0);
    const fits =
      last?.[0]?.routeVersion === parcel.routeVersion &&
      count + parcel.envelopes.length <= gatheringLimits.envelopesMax &&
      bytes + size <= gatheringLimits.bytesMax;
    if (fits) last.push(parcel);
    else loads.push([parcel]);
    count = parcel.envelopes.length + (fits ? count : 0);
    bytes = size + (fits ? bytes : 0);
  }
  return loads;
}
