import { create, toBinary } from "@bufbuild/protobuf";
import {
  type Locate,
  LocateResultSchema,
  NotResidentDetailSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import type { Command } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { PlayerArrivedSchema } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { type Key, keyText } from "@hexhold/hex";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type FakeGateway,
  type FakePeer,
  residence,
  startFakeGateway,
  until,
} from "../test/fake-gateway.ts";
import { StepSchema } from "../test/step-command.ts";
import { type Client, createClient } from "./client.ts";
import type { OutcomeOf } from "./outcome.ts";
import { createPlayer } from "./player.ts";

const next: Key = { hexId: residence.hexId + 1n, layerId: 0 };
let gateway: FakeGateway;
let client: Client;
/** Where the player lives; undefined: in transit, and `home` is asked for again at the next command. */
let home: Key | undefined;

beforeEach(async () => {
  home = residence;
  gateway = await startFakeGateway();
  gateway.onFrame = (peer, content) => {
    if (content.case === "command") decide(peer, content.value);
  };
  client = createClient({ url: gateway.url, token: "a-token" });
  await client.ready;
});
afterEach(async () => {
  client.close();
  await gateway.stop();
});

/** As a hex does, with the residence kit. */
function decide(peer: FakePeer, command: Command): void {
  const key = keyText(command.key!);
  if (home === undefined) {
    home = next;
    peer.answer(command, { case: "refused", value: { reason: "in-transit", retryAfterMs: 5 } });
  } else if (keyText(home) !== key) {
    const { hexId: wentToHexId, layerId: wentToLayerId } = home;
    const went = create(NotResidentDetailSchema, { wentToHexId, wentToLayerId });
    const detail = toBinary(NotResidentDetailSchema, went);
    peer.answer(command, { case: "refused", value: { reason: "not-resident", detail } });
  } else if (command.type === "cmd.hex.locate") {
    const located = create(LocateResultSchema, { online: true, transfers: 2n });
    const result = toBinary(LocateResultSchema, located);
    peer.answer(command, { case: "applied", value: { result } });
  } else peer.apply(command, 3n);
}

const askedIn = (type: string): string[] =>
  gateway.peer.commands.flatMap((command) =>
    command.type === type ? [keyText(command.key!)] : [],
  );

test("a command of whatever game goes to the hex where the player lives, and follows it", async () => {
  const player = createPlayer(client);
  home = next;
  expect(await player.send(StepSchema, { x: 1 })).toMatchObject({ outcome: "applied" });
  expect(askedIn("cmd.hex.step")).toEqual([residence, next].map(keyText));
  expect(player.key).toEqual(next);
});

test("a player in transit is waited for, but not under a request id of the caller's", async () => {
  const player = createPlayer(client);
  home = undefined;
  const requestId = client.newRequestId();
  expect(await player.enter({ requestId })).toMatchObject({ reason: "in-transit" });
  home = undefined;
  expect(await player.enter()).toMatchObject({ outcome: "applied" });
  expect(player.key).toEqual(next);
});

test("where it lives is asked for by name of the player, not by what is seen there", async () => {
  const player = createPlayer(client);
  home = next;
  const outcome: OutcomeOf<Locate> = await player.locate();
  expect(outcome).toMatchObject({ outcome: "applied", result: { online: true, transfers: 2n } });
  expect(player.key).toEqual(next);
});

test("a transfer ends with the event of the arrival, without any view", async () => {
  const player = createPlayer(client);
  const ended = player.transfer(next);
  await until("it is under way", () => askedIn("cmd.hex.transfer").length === 1);
  const activationId = new Uint8Array(16).fill(1);
  const { accountId: playerId } = client.welcome!;
  const arrived = create(PlayerArrivedSchema, { playerId, number: 3n });
  gateway.peer.send({ case: "state", value: { key: next, activationId, viewSeq: 1n } });
  gateway.peer.send({
    case: "event",
    value: {
      key: next,
      activationId,
      viewSeq: 2n,
      type: "evt.hex.player-arrived",
      version: 1,
      payload: toBinary(PlayerArrivedSchema, arrived),
    },
  });
  expect(await ended).toMatchObject({ outcome: "applied", end: "arrived", result: { number: 3n } });
  expect(player.key).toEqual(next);
});

test("a transfer that nothing is seen of is asked for where it leads", async () => {
  const player = createPlayer(client);
  const ended = player.transfer(next);
  await until("it is under way", () => askedIn("cmd.hex.transfer").length === 1);
  home = next;
  expect(await ended).toMatchObject({ outcome: "applied", end: "arrived" });
  expect(askedIn("cmd.hex.locate")).toEqual([keyText(next)]);
});
