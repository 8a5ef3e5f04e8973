/**
 * What every receiver of an asked step must do, as tests: the rules of such steps (docs/models: Market, Take), each of which
 * has a counterexample without it. A receiver is a service, of which the suite knows nothing but its messages.
 */
import { expect, test } from "vitest";

/** `S`: a step that is asked for, with the id under which it is known for ever. */
export interface AskedReceiver<S> {
  /** A new step, with all that it takes to grant it. */
  grantable(): Promise<S>;
  /** A new step that is refused now; `enable` gives what was lacking. */
  refusable(): Promise<{
    readonly step: S;
    readonly reason: string;
    readonly enable: () => Promise<void>;
  }>;
  /** A step whose id was minted so long ago. */
  mintedAgo(ms: number): Promise<S>;
  /** Sends the step under a request of its own, and resolves when it is handled. */
  ask(step: S): Promise<void>;
  /** Sends the very same envelope so many times in one queue message. */
  askTimes(step: S, times: number): Promise<void>;
  cancel(step: S): Promise<void>;
  /** Makes the handler fail on whatever it is asked until `mend` is called. */
  breakIt(): Promise<{ readonly mend: () => Promise<void> }>;
  /** Throws away what the inbox and stored results know. */
  forgetRequests(): Promise<void>;
  /** What who asked was answered, in the order in which it was sent: `yes`, or the reason. */
  answers(step: S): Promise<readonly string[]>;
  /** How often the effect of the step is there. */
  effects(step: S): Promise<number>;
}

/** For which receivers keep records of steps (docs/guarantees.md). */
const recordKeepMs = 30 * 86_400_000;

export function askedStepContract<S>(name: string, receiver: () => AskedReceiver<S>): void {
  const expectTold = async (
    step: S,
    answers: readonly string[],
    effects: number,
  ): Promise<void> => {
    expect(await receiver().answers(step)).toEqual(answers);
    expect(await receiver().effects(step)).toBe(effects);
  };

  test(`${name}: a step is granted once, however often it is asked for, and says so each time`, async () => {
    const step = await receiver().grantable();
    await receiver().ask(step);
    await expectTold(step, ["yes"], 1);
    await receiver().ask(step);
    await receiver().ask(step);
    await expectTold(step, ["yes", "yes", "yes"], 1);
  });

  test(`${name}: copies of one envelope are one step`, async () => {
    const step = await receiver().grantable();
    await receiver().askTimes(step, 3);
    await expectTold(step, ["yes"], 1);
  });

  test(`${name}: a step that was refused stays refused, when it could be granted as well`, async () => {
    const { step, reason, enable } = await receiver().refusable();
    await receiver().ask(step);
    await expectTold(step, [reason], 0);
    await enable();
    await receiver().ask(step);
    await receiver().cancel(step);
    await expectTold(step, [reason, reason, reason], 0);
  });

  test(`${name}: the end of what never came is a refusal, which the late step finds`, async () => {
    const step = await receiver().grantable();
    await receiver().cancel(step);
    await expectTold(step, ["cancelled"], 0);
    await receiver().ask(step);
    await receiver().cancel(step);
    await expectTold(step, ["cancelled", "cancelled", "cancelled"], 0);
  });

  test(`${name}: the end of what was granted undoes nothing, and is answered as the step was`, async () => {
    const step = await receiver().grantable();
    await receiver().ask(step);
    await receiver().cancel(step);
    await expectTold(step, ["yes", "yes"], 1);
  });

  test(`${name}: a step that is given up is refused, and its later copies are`, async () => {
    const step = await receiver().grantable();
    const { mend } = await receiver().breakIt();
    try {
      await receiver().ask(step);
    } finally {
      await mend();
    }
    await expectTold(step, ["gave-up"], 0);
    await receiver().ask(step);
    await receiver().cancel(step);
    await expectTold(step, ["gave-up", "gave-up", "gave-up"], 0);
  });

  test(`${name}: a step that was granted and is given up later stays granted`, async () => {
    const step = await receiver().grantable();
    await receiver().ask(step);
    const { mend } = await receiver().breakIt();
    try {
      await receiver().ask(step);
    } finally {
      await mend();
    }
    await expectTold(step, ["yes", "yes"], 1);
  });

  test(`${name}: the answer outlives inbox and stored results`, async () => {
    const granted = await receiver().grantable();
    const cancelled = await receiver().grantable();
    await receiver().askTimes(granted, 1);
    await receiver().cancel(cancelled);
    await receiver().forgetRequests();
    await receiver().askTimes(granted, 2);
    await receiver().askTimes(cancelled, 1);
    await expectTold(granted, ["yes", "yes"], 1);
    await expectTold(cancelled, ["cancelled", "cancelled"], 0);
  });

  test(`${name}: of a step that is older than the records nothing is said and nothing is done`, async () => {
    const old = await receiver().mintedAgo(recordKeepMs);
    await receiver().ask(old);
    await receiver().cancel(old);
    await expectTold(old, [], 0);
    const young = await receiver().mintedAgo(recordKeepMs - 2 * 3_600_000);
    await receiver().ask(young);
    await expectTold(young, ["yes"], 1);
  });

  test(`${name}: asked and ended at once, in any order, a step has one answer`, async () => {
    const ends = new Set<string>();
    for (let round = 0; round < 40; round++) {
      const step = await receiver().grantable();
      const sent = [
        () => receiver().ask(step),
        () => receiver().cancel(step),
        () => receiver().ask(step),
      ];
      const first = round % 3;
      await Promise.all([...sent.slice(first), ...sent.slice(0, first)].map((send) => send()));
      const answers = await receiver().answers(step);
      expect(answers).toHaveLength(3);
      expect(new Set(answers).size).toBe(1);
      expect(await receiver().effects(step)).toBe(answers[0] === "yes" ? 1 : 0);
      ends.add(answers[0]!);
    }
    // The control: both ends came about.
    expect([...ends].toSorted()).toEqual(["cancelled", "yes"]);
  });
}
