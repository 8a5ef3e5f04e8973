/**
 * World time: PostgreSQL's clock, but what is set on that clock is not believed. World time goes on by the monotonic
 * clock; the difference is kept as an offset, which is then worn down so slowly that nothing notices. Nothing that
 * cannot be undone (what is pruned, what expires) may follow from a clock that jumped.
 *
 *   steady ──the clock was set──▶ apart ──worn down, 6 minutes an hour──▶ steady
 */
import { createOffsetFilter, type OffsetSample, offsetSample } from "@hexhold/rpc";

/** How far a reading may be from what was expected, besides the time that the question took: drift, and noise. */
const driftMsMax = 1_000;
/** Share of the time that passes by which world time may run fast or slow: an hour's step is made up in ten. */
export const slewShare = 0.1;

export interface SavedClock {
  /** World time minus PostgreSQL's clock. */
  readonly offsetMs: number;
  /** World time when this was saved: never earlier afterwards. 0 = never saved. */
  readonly worldMs: number;
  readonly steps: number;
  readonly steppedMs: number;
  readonly stepMs: number;
}

/** Times of one question to PostgreSQL. */
export interface ClockReading {
  /** What its clock said, Unix milliseconds. */
  readonly clockMs: number;
  /** Of a clock that never goes back: `performance.now`. */
  readonly sentMs: number;
  readonly receivedMs: number;
  /** How long this machine has slept so far (suspended), which its monotonic clock does not count. */
  readonly sleptMs: number;
}

export interface BoundedClock {
  /** Unix milliseconds at this time of the monotonic clock. Throws before the first reading. */
  worldMs(monotonicMs: number): number;
  /** PostgreSQL's clock, as last read and carried on. */
  clockMs(monotonicMs: number): number;
  /** Learns from a reading. Returns by how much the clock was set since the last one, 0 = it was not. */
  observe(reading: ClockReading): number;
  /** To go on from after a restart. */
  save(monotonicMs: number): SavedClock;
}

export function createBoundedClock(saved: SavedClock): BoundedClock {
  let { offsetMs, steps, steppedMs, stepMs } = saved;
  const filter = createOffsetFilter();
  /** PostgreSQL's clock minus the monotonic one. */
  let apartMs = Number.NaN;
  let last: ClockReading | undefined;

  const clockMs = (monotonicMs: number): number => monotonicMs + apartMs;
  const worldMs = (monotonicMs: number): number => {
    if (last === undefined) throw new Error("world time is asked before PostgreSQL has told it");
    return Math.round(clockMs(monotonicMs) + offsetMs);
  };

  function setBy(ms: number, reading: ClockReading): number {
    steps += 1;
    stepMs = ms;
    steppedMs = worldMs(reading.receivedMs);
    return ms;
  }

  /** The first reading: what was saved is the only witness of what time it is. */
  function begin(reading: ClockReading, sample: OffsetSample): number {
    last = reading;
    apartMs = filter.restart(sample);
    // A clock that was set forward while the world was down looks like a long sleep, one that was set back does not.
    const behindMs = saved.worldMs - worldMs(reading.receivedMs);
    if (behindMs <= 0) return 0;
    offsetMs += behindMs;
    return behindMs > driftMsMax ? setBy(-behindMs, reading) : 0;
  }

  return {
    worldMs,
    clockMs,
    observe(reading) {
      const sample = offsetSample(reading);
      if (last === undefined) return begin(reading, sample);
      const passedMs = reading.receivedMs - last.receivedMs;
      const sleptMs = Math.max(0, reading.sleptMs - last.sleptMs);
      last = reading;
      // Worn down by a share of the time that has passed.
      offsetMs -= Math.sign(offsetMs) * Math.min(Math.abs(offsetMs), passedMs * slewShare);
      const movedMs = sample.offsetMs - apartMs;
      const noiseMs = driftMsMax + sample.roundTripMs;
      if (Math.abs(movedMs) <= noiseMs) {
        apartMs = filter.add(sample);
        return 0;
      }
      apartMs = filter.restart(sample);
      // What the machine slept has really passed.
      const wasSetMs = movedMs - sleptMs;
      if (Math.abs(wasSetMs) <= noiseMs) return 0;
      offsetMs -= wasSetMs;
      return setBy(wasSetMs, reading);
    },
    save: (monotonicMs) => ({
      offsetMs,
      worldMs: worldMs(monotonicMs),
      steps,
      steppedMs,
      stepMs,
    }),
  };
}
