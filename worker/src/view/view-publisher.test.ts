import { decodeViews, type ViewEventFields } from "@hexhold/messaging";
import { hexAt } from "@hexhold/hex";
import { expect, it, vi } from "vitest";
import { HexTable } from "../actor/hex-table.ts";
import { createViewPublisher } from "./view-publisher.ts";

const key = { hexId: hexAt(52.5, 13.4), layerId: 0 };
const activationId = Buffer.alloc(16, 1);

function view(viewSeq: number): ViewEventFields {
  return { key, activationId, viewSeq, hexVersion: viewSeq, event: Buffer.from([viewSeq]) };
}

function publisher() {
  const sent: { regions: readonly string[]; events: number[]; marks: number[] }[] = [];
  const views = createViewPublisher({
    publishView: (regions, { body }) => {
      const { events, marks } = decodeViews(body);
      sent.push({
        regions,
        events: events.map(({ viewSeq }) => Number(viewSeq)),
        marks: marks.map(({ viewSeq }) => Number(viewSeq)),
      });
    },
  });
  return { views, sent };
}

it("sends what comes at a time in one message under all its regions, in order", async () => {
  const { views, sent } = publisher();
  views.publish(new Map([["r1", [view(1), view(2)]]]));
  views.publish(new Map());
  views.publish(
    new Map([
      ["r2", [view(3)]],
      ["r1", [view(4)]],
    ]),
  );
  expect(sent).toEqual([]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent).toEqual([{ regions: ["r1", "r2"], events: [1, 2, 3, 4], marks: [] }]);
  // So soon after a message the next one gathers what else comes.
  views.publish(new Map([["r1", [view(5)]]]));
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent).toHaveLength(1);
  views.publish(new Map([["r3", [view(6)]]]));
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(sent[1]).toEqual({ regions: ["r1", "r3"], events: [5, 6], marks: [] });
  // After a rest an event leaves at once.
  await new Promise((resolve) => setTimeout(resolve, 40));
  views.publish(new Map([["r1", [view(7)]]]));
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent[2]).toEqual({ regions: ["r1"], events: [7], marks: [] });
});

it("never names a number before the event that has it was sent", async () => {
  const { views, sent } = publisher();
  const table = new HexTable();
  const hex = table.activated(key, {
    generation: 1,
    hexVersion: 0,
    lastEventId: undefined,
    activationId,
    usedMs: 0,
    stateBytes: 0,
  });
  hex.viewSeq = 7;
  hex.changedMs = 1000;
  views.publish(new Map([["r1", [view(7)]]]));
  views.publishMarks(table, 2000);
  expect(sent.map(({ events, marks }) => ({ events, marks }))).toEqual([
    { events: [7], marks: [] },
    { events: [], marks: [7] },
  ]);
  // Long unchanged hexes are not named.
  views.publishMarks(table, 20_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent).toHaveLength(2);
});
