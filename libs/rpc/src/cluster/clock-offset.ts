/** How far another machine's clock is from the monotonic one here, learned by asking it. */

/** Answers among which the best is chosen: what another clock does is followed in as many questions. */
const samplesKept = 5;

/** What one answer says. */
export interface OffsetSample {
  readonly roundTripMs: number;
  /** The other clock minus the monotonic one, wrong by half of the round trip at most. */
  readonly offsetMs: number;
}

/** Of an answer `clockMs`, asked and received at these times of the monotonic clock: taken to be said halfway. */
export function offsetSample(answer: {
  readonly sentMs: number;
  readonly receivedMs: number;
  readonly clockMs: number;
}): OffsetSample {
  const roundTripMs = answer.receivedMs - answer.sentMs;
  return { roundTripMs, offsetMs: answer.clockMs + roundTripMs / 2 - answer.receivedMs };
}

export interface OffsetFilter {
  /** Returns the offset that counts now: of the last answers that with the shortest round trip. */
  add(sample: OffsetSample): number;
  /** Forgets the answers before this one. */
  restart(sample: OffsetSample): number;
}

export function createOffsetFilter(): OffsetFilter {
  let samples: OffsetSample[] = [];
  return {
    add(sample) {
      samples = [...samples.slice(1 - samplesKept), sample];
      let best = sample;
      for (const other of samples) if (other.roundTripMs < best.roundTripMs) best = other;
      return best.offsetMs;
    },
    restart(sample) {
      samples = [sample];
      return sample.offsetMs;
    },
  };
}
