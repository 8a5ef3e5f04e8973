/** Two services on a broker, whose commits are not answered, and whose messages come twice. */
import { create, fromBinary } from "@bufbuild/protobuf";
import { Channel, SayResultSchema, SaySchema } from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import { PlayerSpawnedSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { bytesText, uuidBytes } from "@hexhold/messaging";
import { afterEach, beforeEach, expect, test } from "vitest";
import { home, newAccount } from "../test/chat-database.ts";
import {
  type ChatService,
  clientCommand,
  hexEvent,
  openChatService,
  type SentCommand,
} from "../test/chat-service.ts";

let service: ChatService;

beforeEach(async () => {
  service = await openChatService();
});
afterEach(async () => service?.close());

/** Channel and number of each answer that came; the same in all of them. */
function saidOf({ requestId }: SentCommand): string {
  const words = (service.answers.get(bytesText(requestId)) ?? []).map(({ outcome }) => {
    if (outcome.case !== "applied") return String(outcome.case);
    const { channel, seq } = fromBinary(SayResultSchema, outcome.value.result);
    return `${channel} ${seq}`;
  });
  return [...new Set(words)].join(", ") || "nothing";
}

test("commits without an answer, messages that come twice: each is said once, numbered without a hole, and answered as it is stored", async () => {
  const accounts = Array.from({ length: 8 }, () => newAccount());
  for (const account of accounts) {
    const event = create(PlayerSpawnedSchema, { playerId: uuidBytes(account) });
    const envelope = hexEvent(PlayerSpawnedSchema, event, home);
    await service.send(envelope, envelope);
  }
  await expect
    .poll(() => service.database.rows("SELECT 1 FROM chat.speaker WHERE hex IS NOT NULL"), {
      timeout: 20_000,
    })
    .toHaveLength(8);
  const commands: SentCommand[] = [];
  for (let n = 0; n < 96; n++) {
    const channel = n % 3 === 0 ? Channel.LOCAL : Channel.WORLD;
    const message = create(SaySchema, { channel, text: `text ${n}` });
    const command = clientCommand(SaySchema, message, accounts[n % 8]!);
    commands.push(command);
    if (n % 2 === 0) service.proxy.swallowNextCommit();
    await service.send(command.envelope);
    // As a client that has heard nothing.
    if (n % 4 === 0) await service.send(command.envelope);
  }
  await expect
    .poll(() => commands.filter((command) => saidOf(command) === "nothing").length, {
      timeout: 60_000,
    })
    .toBe(0);
  const said = commands.map(saidOf);
  const numbers = (channel: string) =>
    said
      .filter((word) => word.startsWith(`${channel} `))
      .map((word) => Number(word.split(" ")[1]))
      .toSorted((a, b) => a - b);
  const oneTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1);
  expect(numbers("world")).toEqual(oneTo(64));
  expect(numbers(`hex/${home}`)).toEqual(oneTo(32));
  const stored = await service.database.rows<{ channel: string; seq: string; text: string }>(
    "SELECT channel, seq, text FROM chat.message ORDER BY channel, seq",
  );
  expect(stored).toHaveLength(96);
  expect(new Set(stored.map(({ text }) => text)).size).toBe(96);
  // What was answered is what is stored, text by text.
  const places = new Map(stored.map(({ channel, seq, text }) => [text, `${channel} ${seq}`]));
  expect(said).toEqual(commands.map((_, n) => places.get(`text ${n}`)));
  // Nothing is told that is not there, and nothing twice.
  expect(new Set(service.told).size).toBe(service.told.length);
  const topics = new Set(
    stored.map(
      ({ channel, seq }) => `${channel === "world" ? "chat/world" : `chat/${home}`} ${seq}`,
    ),
  );
  expect(service.told.filter((place) => !topics.has(place))).toEqual([]);
  // The control. Cuts that are asked for before one commit are one: how many depends on how fast the machine is.
  expect(service.proxy.swallowed).toBeGreaterThanOrEqual(5);
  expect(await service.metric("hexhold_domain_deadlocks_total")).toBe(0);
  expect(await service.metric("hexhold_domain_second_lines_total")).toBe(0);
  expect(await service.metric("hexhold_domain_dead_letters_total")).toBe(0);
}, 120_000);
