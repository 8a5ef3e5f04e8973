/** Two services on a broker, whose commits are not answered: elections of several hexes at a time. */
import { create } from "@bufbuild/protobuf";
import {
  CallElectionResultSchema,
  CallElectionSchema,
  StandSchema,
  VoteSchema,
} from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { PlayerSpawnedSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { GatheredSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { fromBinary } from "@bufbuild/protobuf";
import { bytesText, uuidBytes } from "@hexhold/messaging";
import { afterEach, beforeEach, expect, test } from "vitest";
import { elsewhere, hex, newAccount } from "../test/governance-database.ts";
import {
  clientCommand,
  type GovernanceService,
  hexEvent,
  openGovernanceService,
  type Sent,
} from "../test/governance-service.ts";

let service: GovernanceService;
const hexes = [hex, elsewhere];
const rounds = 4;
const electors = 4;

beforeEach(async () => {
  service = await openGovernanceService({
    electionMs: 2_000,
    termMs: 1_000,
    coolMs: 0,
    headsMin: 3,
  });
});
afterEach(async () => service?.close());

/** What became of a command, in a word. */
function said({ requestId }: Sent): string {
  const { outcome } = service.answers.get(bytesText(requestId)) ?? {};
  return outcome?.case === "refused" ? outcome.value.reason : (outcome?.case ?? "nothing");
}

/** Sends each by itself, while commits are cut, and waits for all answers. */
async function answered(commands: readonly Sent[]): Promise<string[]> {
  for (const { envelope } of commands) {
    service.proxy.swallowNextCommit();
    await service.send(envelope);
  }
  await expect
    .poll(() => commands.filter((command) => said(command) === "nothing").length, {
      timeout: 30_000,
      interval: 10,
    })
    .toBe(0);
  return commands.map(said);
}

test("commits without an answer, in two services: each command once, owners numbered without a hole, points as the journal has them", async () => {
  const people = new Map(
    hexes.map((of) => [of, Array.from({ length: electors }, () => newAccount())]),
  );
  const atMs = BigInt(Date.now());
  for (const [of, accounts] of people) {
    for (const account of accounts) {
      const playerId = uuidBytes(account);
      service.proxy.swallowNextCommit();
      await service.send(
        hexEvent(PlayerSpawnedSchema, create(PlayerSpawnedSchema, { playerId, atMs }), of),
      );
      const done = create(GatheredSchema, { playerId, amount: 150n, atMs });
      const event = hexEvent(GatheredSchema, done, of);
      // The broker may bring it again.
      await service.send(event, event);
      await service.send(event);
    }
  }
  const points = () =>
    service.database.rows<{ points: string }>(
      "SELECT points FROM governance.reputation WHERE points > 0",
    );
  await expect.poll(async () => (await points()).length, { timeout: 30_000 }).toBe(2 * electors);
  expect(new Set((await points()).map((row) => row.points))).toEqual(new Set(["150"]));

  for (let round = 1; round <= rounds; round++) {
    const calls = hexes.map((of) => {
      const account = people.get(of)![0]!;
      return clientCommand(CallElectionSchema, create(CallElectionSchema, { hex: of }), {
        account,
        subject: of,
      });
    });
    expect(await answered(calls)).toEqual(["applied", "applied"]);
    const elections = calls.map(({ requestId }) => {
      const { outcome } = service.answers.get(bytesText(requestId))!;
      const result = outcome?.case === "applied" ? outcome.value.result : new Uint8Array(0);
      return fromBinary(CallElectionResultSchema, result).election;
    });
    const winners = hexes.map((of) => people.get(of)![round % electors]!);
    const stand = (n: number) =>
      clientCommand(StandSchema, create(StandSchema, { election: elections[n]! }), {
        account: winners[n]!,
        subject: elections[n]!,
      });
    expect(await answered([stand(0), stand(1)])).toEqual(["applied", "applied"]);
    const votes = hexes.flatMap((of, n) =>
      people.get(of)!.map((account) => {
        const election = elections[n]!;
        const message = create(VoteSchema, { election, candidate: uuidBytes(winners[n]!) });
        return clientCommand(VoteSchema, message, { account, subject: election });
      }),
    );
    const outcomes = await answered(votes);
    await expect
      .poll(() => hexes.map((of) => service.taken.get(of)?.length ?? 0), { timeout: 30_000 })
      .toEqual([round, round]);
    const counted = await service.database.rows<{ heads: string }>(
      "SELECT sum(turnout_heads) AS heads FROM governance.election WHERE election_id = ANY ($1::uuid[])",
      [elections],
    );
    // A vote that was answered counts, and no other.
    expect(Number(counted[0]!.heads)).toBe(outcomes.filter((word) => word === "applied").length);
    const owners = await service.database.rows<{ hex: string; owner: string }>(
      "SELECT hex, owner FROM governance.ownership WHERE number = $1",
      [round],
    );
    expect(new Map(owners.map((row) => [row.hex, row.owner]))).toEqual(
      new Map(hexes.map((of, n) => [of, winners[n]])),
    );
    await expect
      .poll(
        () => service.database.rows("SELECT 1 FROM governance.ownership WHERE until_at > now()"),
        { timeout: 10_000 },
      )
      .toEqual([]);
  }
  await expect
    .poll(
      () => service.database.rows("SELECT 1 FROM governance.ownership WHERE applied_at IS NULL"),
      { timeout: 30_000 },
    )
    .toEqual([]);
  const numbers = await service.database.rows<{ hex: string; number: string }>(
    "SELECT hex, number FROM governance.ownership ORDER BY number",
  );
  for (const of of hexes) {
    const own = numbers.filter((row) => row.hex === of).map(({ number }) => Number(number));
    expect(own).toEqual(Array.from({ length: rounds }, (_, n) => n + 1));
    expect(service.taken.get(of)).toEqual(own.map(BigInt));
  }
  expect(service.proxy.swallowed).toBeGreaterThanOrEqual(15);
  expect(await service.metric("hexhold_domain_deadlocks_total")).toBe(0);
  expect(await service.metric("hexhold_governance_second_lines_total")).toBe(0);
  expect(await service.metric("hexhold_domain_dead_letters_total")).toBe(0);
}, 180_000);
