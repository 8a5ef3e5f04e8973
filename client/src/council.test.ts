import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  ElectionsSchema,
  ElectionViewSchema,
  GetElectionSchema,
  ListElectionsSchema,
  OwnershipsSchema,
  StandSchema,
} from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { ElectionCalledSchema } from "@hexhold/gen/hexhold/governance/v1/events_pb";
import { parseKeyText } from "@hexhold/hex";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type FakeGateway, startFakeGateway, until } from "../test/fake-gateway.ts";
import { type Client, connect } from "./client.ts";
import { type CouncilState, createCouncil } from "./council.ts";

const hex = "861f1d48fffffff";
const election = "0190d0f6-0000-7000-8000-000000000001";
let gateway: FakeGateway;
let client: Client;

beforeEach(async () => {
  gateway = await startFakeGateway();
  client = await connect({ url: gateway.url, token: "t" });
});
afterEach(async () => {
  client.close();
  await gateway.stop();
});

/** Answers the command `at`, when it has come. */
async function answer<T extends Message>(at: number, schema: GenMessage<T>, message: T) {
  await until(`${at + 1} commands`, () => gateway.peer.commands.length > at);
  const command = gateway.peer.commands[at]!;
  const result = toBinary(schema, message);
  gateway.peer.answer(command, { case: "applied", value: { result } });
  return command;
}
const topic = (value: { readonly type?: string; readonly payload?: Uint8Array }): void =>
  gateway.peer.send({
    case: "topic",
    value: { topic: `council/${hex}`, seq: 0n, version: 1, ...value },
  });

it("follows the council of a hex: read after the mark, and again when an election is called", async () => {
  const states: CouncilState[] = [];
  const watching = (async () => {
    for await (const state of createCouncil(client).watch(parseKeyText(hex))) states.push(state);
  })();
  await until("it listens", () => gateway.peer.received.some((frame) => frame.case === "listen"));
  topic({});
  await answer(0, OwnershipsSchema, create(OwnershipsSchema));
  const listed = await answer(1, ElectionsSchema, create(ElectionsSchema));
  expect(fromBinary(ListElectionsSchema, listed.payload)).toMatchObject({ hex, limit: 1 });
  await until("a state", () => states.length === 1);
  expect(states).toEqual([{ election: undefined, ownership: undefined }]);
  topic({
    type: "evt.governance.election-called",
    payload: toBinary(ElectionCalledSchema, create(ElectionCalledSchema)),
  });
  await answer(2, OwnershipsSchema, create(OwnershipsSchema, { ownerships: [{ number: 3n }] }));
  await answer(3, ElectionsSchema, create(ElectionsSchema, { elections: [{ election }] }));
  const asked = await answer(
    4,
    ElectionViewSchema,
    create(ElectionViewSchema, { election: { election }, ownWeight: 5n }),
  );
  expect(fromBinary(GetElectionSchema, asked.payload).election).toBe(election);
  await until("a second state", () => states.length === 2);
  expect(states[1]).toMatchObject({ election: { ownWeight: 5n }, ownership: { number: 3n } });
  client.close();
  await watching;
});

it("stands with words or without, and says so to no hex", async () => {
  const standing = createCouncil(client).stand(election, "roads");
  await until("a command", () => gateway.peer.commands.length === 1);
  const [command] = gateway.peer.commands;
  expect([command!.type, command!.key]).toEqual(["cmd.governance.stand", undefined]);
  expect(fromBinary(StandSchema, command!.payload)).toMatchObject({ election, words: "roads" });
  gateway.peer.answer(command!, { case: "refused", value: { reason: "too-late" } });
  expect(await standing).toMatchObject({ outcome: "refused", reason: "too-late" });
});
