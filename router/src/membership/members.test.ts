import { create } from "@bufbuild/protobuf";
import { ProcessKind, RegisterRequestSchema } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { expect, test } from "vitest";
import { createMembers, incarnationOf, instanceOf } from "./members.ts";

const early = "019aa8a4-7a3b-7000-8000-000000000001";
const late = "019aa8a4-9999-7000-8000-000000000001";
const request = (incarnation: string, more: { instance?: string; controlUrl?: string } = {}) =>
  create(RegisterRequestSchema, {
    instance: "worker-1",
    kind: ProcessKind.WORKER,
    controlUrl: "http://127.0.0.1:1",
    incarnation,
    ...more,
  });

function open() {
  let nowMs = 0;
  const members = createMembers({ ttlMs: 1_000, now: () => nowMs, worldNow: () => 5_000 + nowMs });
  return { members, pass: (ms: number) => void (nowMs += ms) };
}

test("a process that registers again keeps its session, and what has changed is noted", () => {
  const { members } = open();
  const { member } = members.register(request(early));
  const again = members.register(
    request(early.toUpperCase(), { controlUrl: "http://127.0.0.1:2" }),
  );
  expect(again).toEqual({ member });
  expect(again.member.controlUrl).toBe("http://127.0.0.1:2");
  expect(members.bySession(member.session)).toBe(member);
});

test("a later process with the same name takes its place, and the old session is unknown", () => {
  const { members } = open();
  const { member } = members.register(request(early));
  const { replaced } = members.register(request(late));
  expect(replaced).toBe(member);
  expect(() => members.bySession(member.session)).toThrow(/register again/);
  expect(members.byHolder(`worker-1#${early}`)).toBeUndefined();
  expect(members.byHolder(`worker-1#${late}`)?.incarnation).toBe(late);
  expect(members.remove(member)).toBe(false);
  expect(members.list()).toHaveLength(1);
});

test("an earlier process is refused while the later one is heard, and taken when it is silent", () => {
  const { members, pass } = open();
  members.register(request(late));
  expect(() => members.register(request(early))).toThrow(/give each process a name of its own/);
  pass(1_000);
  expect(members.register(request(early)).member.incarnation).toBe(early);
});

test("there is a limit", () => {
  const { members } = open();
  for (let n = 0; n < 1_024; n++) members.register(request(early, { instance: `worker-${n}` }));
  expect(() => members.register(request(early, { instance: "one-more" }))).toThrow(
    /resource_exhausted/,
  );
  expect(members.register(request(late, { instance: "worker-5" })).replaced).toBeDefined();
});

test("a holder is read back", () => {
  expect([instanceOf("worker-1#a"), incarnationOf("worker-1#a")]).toEqual(["worker-1", "a"]);
  expect([instanceOf(""), incarnationOf("worker-1")]).toEqual(["", ""]);
});
