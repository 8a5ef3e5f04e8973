import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { InspectHexResponseSchema } from "@hexhold/gen/hexhold/control/v1/process_pb";
import { expect, test } from "vitest";
import { type HexLookup, lookUpHex } from "./look-up-hex.ts";

const owner: NonNullable<ReturnType<HexLookup["ownerOf"]>> = {
  instance: "worker-1",
  epoch: 9n,
  controlUrl: "http://127.0.0.1:1",
};
const unregistered = { ...owner, controlUrl: undefined };
const lookup = (more: Partial<HexLookup> = {}): HexLookup => ({
  partitions: 8,
  movedSlot: async () => undefined,
  ownerOf: () => owner,
  inspectHex: async () =>
    create(InspectHexResponseSchema, { active: true, hexVersion: 3n, epoch: 8n }),
  ...more,
});

test("what the owner says is passed on, its epoch too", async () => {
  expect(await lookUpHex("861f1d48fffffff.3", lookup())).toMatchObject({
    key: "861f1d48fffffff.3",
    slot: "cmd.p2",
    owner: "worker-1",
    epoch: 8n,
    hexVersion: 3n,
    active: true,
    note: "",
  });
});

test("a key that was moved is looked for where it is", async () => {
  const moved = lookup({ movedSlot: async () => "cmd.hex.861f1d48fffffff" });
  expect(await lookUpHex("861f1d48fffffff", moved)).toMatchObject({
    slot: "cmd.hex.861f1d48fffffff",
  });
});

const unanswered: readonly (readonly [string, Partial<HexLookup>, string | RegExp])[] = [
  ["nobody owns the slot", { ownerOf: () => undefined }, "nobody owns cmd.p2 now"],
  ["the owner is unknown here", { ownerOf: () => unregistered }, /has not registered here/],
  [
    "the owner does not answer",
    { inspectHex: async () => Promise.reject(new ConnectError("late", Code.DeadlineExceeded)) },
    "worker-1 does not answer: late",
  ],
];

test.each(unanswered)("%s: said in the note, with all that is known", async (_name, more, note) => {
  const found = await lookUpHex("861f1d48fffffff", lookup(more));
  expect(found).toMatchObject({ slot: "cmd.p2", bucket: 98 });
  expect(found.note).toMatch(note);
  expect(found.active ?? false).toBe(false);
});

test("PostgreSQL away: the home slot is the best that is known", async () => {
  const away = lookup({ movedSlot: async () => Promise.reject(new Error("away")) });
  expect(await lookUpHex("861f1d48fffffff", away)).toMatchObject({ slot: "cmd.p2" });
});
