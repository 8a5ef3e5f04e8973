/** A hex that is read once: what the answer is taken for, which does not say of which game it is. */
import { create, toBinary } from "@bufbuild/protobuf";
import { type EnterResult, ReadableViewSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeGateway, residence, startFakeGateway } from "../test/fake-gateway.ts";
import { onlineBytes, onlineView } from "../test/online-view.ts";
import { type Client, type ClientOptions, createClient } from "./client.ts";
import { readableView } from "./readable-view.ts";
import { oneOf, type ViewContract } from "./view-fold.ts";

const activationId = new Uint8Array(16).fill(1);
const readable = toBinary(ReadableViewSchema, create(ReadableViewSchema, { json: "{}" }));
const [online] = onlineView.reads;
let gateway: FakeGateway;
let opened: Client<unknown>[];

beforeEach(async () => {
  gateway = await startFakeGateway();
  opened = [];
});
afterEach(async () => {
  for (const client of opened) client.close();
  await gateway.stop();
});

/** Each hex is answered with `view`. */
function answerWith(view: Uint8Array): void {
  gateway.onFrame = (peer, content) => {
    if (content.case !== "command") return;
    peer.answer(content.value, { case: "applied", value: { result: view } });
  };
}

async function open<C extends Client<unknown>>(
  make: (options: Pick<ClientOptions, "url" | "token">) => C,
): Promise<C> {
  const client = make({ url: gateway.url, token: "a-token" });
  opened.push(client);
  await client.ready;
  return client;
}

/** Names the world's view by a state of some hex. */
function name({ type: viewType, version: viewVersion }: ViewContract, view: Uint8Array): void {
  gateway.peer.send({
    case: "state",
    value: { key: residence, activationId, view, viewType, viewVersion },
  });
}

test("with a fold it is the view, in the hex's version", async () => {
  answerWith(onlineBytes(4));
  const client = await open((options) => createClient({ ...options, view: onlineView }));
  const outcome = await client.observe(residence);
  expect(outcome).toMatchObject({ outcome: "applied", result: { online: 4 }, hexVersion: 3 });
  expect(gateway.peer.commands).toMatchObject([{ type: "cmd.hex.observe", key: residence }]);
  const view: EnterResult | undefined = outcome.outcome === "applied" ? outcome.result : undefined;
  expect(view?.online).toBe(4);
});

test("without a fold it is the bytes as they came", async () => {
  answerWith(onlineBytes(4));
  const client = await open((options) => createClient(options));
  expect(await client.observe(residence)).toMatchObject({ result: onlineBytes(4) });
});

test("a fold of several games reads it by the type that the world's states have", async () => {
  answerWith(readable);
  const view = oneOf(onlineView, readableView);
  const client = await open((options) => createClient({ ...options, view }));
  const before = await client.observe(residence);
  expect(before).toMatchObject({ outcome: "error", reason: "unreadable-answer" });
  expect(before).toMatchObject({ message: expect.stringContaining("type of the view") as string });
  name(readableView.reads[0]!, readable);
  expect(await client.observe(residence)).toMatchObject({ result: { json: "{}" } });
});

test("the view of a game that the fold does not read is an error that names both", async () => {
  answerWith(readable);
  const view = onlineView;
  const onFault = (): undefined => undefined;
  const client = await open((options) => createClient({ ...options, view, onFault }));
  name(readableView.reads[0]!, readable);
  const outcome = await client.observe(residence);
  expect(outcome).toMatchObject({ outcome: "error", reason: "unreadable-answer" });
  const { message } = outcome as { message: string };
  expect([message.includes(readableView.reads[0]!.type), message.includes(online!.type)]).toEqual([
    true,
    true,
  ]);
  expect(client.stats.malformed).toBe(1);
});
