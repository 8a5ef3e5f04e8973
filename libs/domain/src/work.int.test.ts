import { expect, test } from "vitest";
import { gathered, openTestDomain, poison, type TestDomain } from "../test/test-domain.ts";
import type { Work } from "./work.ts";

/** Works of all transactions, in their order, and what became of each. */
function recorder() {
  const ends: string[] = [];
  const newWork = (): Work => {
    const at = ends.push("open") - 1;
    return {
      flush: () => Promise.resolve(void (ends[at] = "flushed")),
      committed: () => void (ends[at] += ", committed"),
      rolledBack: () => void (ends[at] += ", rolled back"),
    };
  };
  return { ends, newWork };
}

async function withDomain(
  options: Parameters<typeof openTestDomain>[0],
  use: (domain: TestDomain) => Promise<void>,
): Promise<void> {
  const domain = await openTestDomain(options);
  try {
    await use(domain);
  } finally {
    await domain.close();
  }
}

test("memory beside a transaction is kept when that is committed, and in no other case", async () => {
  const { ends, newWork } = recorder();
  await withDomain({ newWork }, async (domain) => {
    domain.start();
    await domain.send(gathered(1n), gathered(2n));
    await domain.untilAcked(1);
    expect(ends).toEqual(["flushed, committed"]);
    // The batch, five attempts of the one alone, its letter; the other alone.
    await domain.send(gathered(3n), gathered(poison));
    await domain.untilAcked(2);
    expect(ends.slice(1)).toEqual([
      "open, rolled back",
      "flushed, committed",
      ...Array.from({ length: 5 }, () => "open, rolled back"),
      "flushed, committed",
    ]);
    ends.length = 0;
    // Committed, and nobody was told: what is in memory may be of a moment that never was.
    domain.proxy.swallowNextCommit();
    await domain.send(gathered(4n));
    await domain.untilAcked(3);
    expect(ends).toEqual(["flushed, rolled back", "flushed, committed"]);
  });
});

test("several messages of a queue of competing consumers are handled side by side, and each once", async () => {
  let inside = 0;
  let most = 0;
  const gate = Promise.withResolvers<void>();
  const beforeEvents = async (): Promise<void> => {
    most = Math.max(most, ++inside);
    if (inside === 4) gate.resolve();
    // All four are inside at once, or none goes on.
    await gate.promise;
    inside--;
  };
  await withDomain({ inHandMax: 4, beforeEvents }, async (domain) => {
    domain.start();
    for (let n = 1n; n <= 8n; n++) await domain.send(gathered(n));
    await domain.untilAcked(8);
    expect(most).toBe(4);
    expect((await domain.amounts()).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

test("a queue of one consumer is handled in its order, one message at a time", async () => {
  let inside = 0;
  const beforeEvents = async (): Promise<void> => {
    expect(++inside).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    inside--;
  };
  await withDomain({ beforeEvents }, async (domain) => {
    domain.start();
    for (let n = 1n; n <= 5n; n++) await domain.send(gathered(n));
    await domain.untilAcked(5);
    expect(await domain.amounts()).toEqual([1, 2, 3, 4, 5]);
  });
});
