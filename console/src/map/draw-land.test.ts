import { create } from "@bufbuild/protobuf";
import { SiteSchema } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { expect, test } from "vitest";
import { siteShare } from "./draw-land.ts";

test("the ring of a site fills as goods come, and again as it is built", () => {
  const share = (init: object, nowMs = 0): number => siteShare(create(SiteSchema, init), nowMs);
  const needs = [
    { need: 150n, got: 50n },
    { need: 50n, got: 50n },
  ];
  expect(share({ needs })).toBe(0.5);
  const started = { needs, startedMs: 1_000n, dueMs: 5_000n };
  expect([0, 1_000, 2_000, 9_000].map((nowMs) => share(started, nowMs))).toEqual([0, 0, 0.25, 1]);
  expect(share({ needs: [] })).toBe(1);
});
