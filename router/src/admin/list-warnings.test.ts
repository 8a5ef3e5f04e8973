import { expect, test } from "vitest";
import { listWarnings, type WarningSources } from "./list-warnings.ts";

const nothing = { letters: 0, lastLetter: "", quarantined: 0, hexes: [] };
const well: WarningSources = {
  slots: [
    { slot: "cmd.p0", served: true },
    { slot: "cmd.p1", served: true },
  ],
  leaseFault: undefined,
  databaseFault: undefined,
  clockOffsetMs: 900,
  waiting: () => Promise.resolve(nothing),
  alarms: () => Promise.resolve([]),
};

const said = async (changes: Partial<WarningSources>) =>
  (await listWarnings({ ...well, ...changes })).map(
    ({ code, what, urgent }) => `${urgent ? "!" : "-"} ${code}: ${what}`,
  );

test("a world that is well has no warning", async () => {
  expect(await listWarnings(well)).toEqual([]);
});

test("each warning says what and where; what keeps players from being served comes first", async () => {
  const hexes = [{ hexId: 0x861f1d48fffffffn, layerId: 0, reason: "a hole" }];
  expect(
    await said({
      slots: [
        { slot: "cmd.p0", served: true },
        { slot: "cmd.p1", served: false },
      ],
      leaseFault: "the lease store did not answer (take): ECONNREFUSED",
      clockOffsetMs: -3_600_000,
      waiting: () =>
        Promise.resolve({ letters: 2, lastLetter: "cmd.hex.gather: boom", quarantined: 1, hexes }),
      alarms: () =>
        Promise.resolve([
          { node: "rabbit@a", of: "disk", bytes: 10_485_760, limitBytes: 52_428_800 },
        ]),
    }),
  ).toEqual([
    "! slots-unserved: 1 of 2 slots are not served: cmd.p1",
    expect.stringMatching(/^! lease-store: .*ECONNREFUSED; slots stay with their workers/),
    "! broker-alarm: RabbitMQ takes no messages: rabbit@a has 10 MB of disk free, and wants 50 MB",
    "- hexes-quarantined: 1 hex cannot be loaded and is quarantined: 861f1d48fffffff (a hole)",
    "- dead-letters: 2 dead letters wait; the last one is cmd.hex.gather: boom",
    "- clock-set: PostgreSQL's clock was set: world time is 3600 s behind it",
  ]);
});

test("a source that does not answer is a warning, and hides no other one", async () => {
  const refused = (): Promise<never> => Promise.reject(new Error("refused"));
  expect(await said({ waiting: refused, alarms: refused })).toEqual([
    "! database: PostgreSQL does not say what waits (refused)",
    "- broker-unknown: whether RabbitMQ has raised an alarm is not known: refused",
  ]);
  // Asked once: what is known to be away is not waited for.
  expect(await said({ databaseFault: "PostgreSQL is away", waiting: refused })).toEqual([
    "! database: PostgreSQL is away",
  ]);
});

test("how long world time still differs follows from its pace", async () => {
  const [warning] = await listWarnings({ ...well, clockOffsetMs: 3_600_000 });
  expect(warning?.todo).toMatch(/agree in 10\.0 hours/);
});
