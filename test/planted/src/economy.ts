/** Errors by which games lose and double goods, and the test that finds each. */

export interface PlantedFault {
  readonly name: string;
  /** Path in the checkout. */
  readonly file: string;
  /** What stands there, once, and what is put in its place. */
  readonly from: string;
  readonly to: string;
  readonly test: {
    readonly project: "unit" | "integration" | "outcomes";
    readonly file: string;
    /** Beginning of its name, or a part of it. */
    readonly name: string;
  };
}

const escrow = "domains/inventory/src/rules/escrow.ts";
const handlers = "domains/inventory/src/handlers";

export const economyFaults: readonly PlantedFault[] = [
  {
    name: "release what is left",
    file: escrow,
    from: "const { releaseId, holdId, amount, atMs } = release;\n  if (rows.isPosted(releaseId)) return;\n  const { account, asset } = heldBy(rows, holdId, service);",
    to: "const { releaseId, holdId, atMs } = release;\n  if (rows.isPosted(releaseId)) return;\n  const { account, asset, remaining: amount } = heldBy(rows, holdId, service);",
    test: {
      project: "integration",
      file: `${handlers}/escrow-handlers.int.test.ts`,
      name: "a release and a settlement of one hold may come in either order",
    },
  },
  {
    name: "the same, seen from outside",
    file: escrow,
    from: "const { releaseId, holdId, amount, atMs } = release;\n  if (rows.isPosted(releaseId)) return;\n  const { account, asset } = heldBy(rows, holdId, service);",
    to: "const { releaseId, holdId, atMs } = release;\n  if (rows.isPosted(releaseId)) return;\n  const { account, asset, remaining: amount } = heldBy(rows, holdId, service);",
    test: {
      project: "outcomes",
      file: "test/chaos/src/outcomes/economy.chaos.test.ts",
      name: "makes and loses not a coin",
    },
  },
  {
    name: "no version check",
    file: "domains/market/src/book/book-cache.ts",
    from: "if (cached?.version === version) return cached.book;",
    to: "if (cached !== undefined) return cached.book;",
    test: {
      project: "integration",
      file: "domains/market/src/work/reference.int.test.ts",
      name: "",
    },
  },
  {
    name: "ends at the deadline",
    file: "domains/market/src/timers/order-timers.ts",
    from: '      await due.arm(\n        transaction,\n        "ask",',
    to: '      await work.lock(transaction, [...new Set(waiting.map(({ book }) => book))]);\n      for (const { book, order } of waiting) {\n        work.decide(book, { kind: "reject", id: order.id, reason: "gave-up" }, undefined);\n      }\n      await due.arm(\n        transaction,\n        "ask",',
    test: {
      project: "integration",
      file: "domains/market/src/work/market-work.int.test.ts",
      name: "no answer: the inventory is asked after 5 s",
    },
  },
  {
    name: "cancel that releases",
    file: escrow,
    from: '  step: Pick<HoldStep, "holdId" | "service" | "account" | "atMs">,\n  nowMs: number,\n): StepAnswer {\n',
    to: '  step: Pick<HoldStep, "holdId" | "service" | "account" | "atMs">,\n  nowMs: number,\n): StepAnswer {\n  const granted = rows.hold(step.holdId);\n  if (granted?.state === "held") {\n    const release = { releaseId: step.holdId.toReversed(), holdId: step.holdId, amount: granted.remaining, atMs: step.atMs };\n    decideRelease(rows, release, granted.service);\n    return { kind: "no", reason: "cancelled" };\n  }\n',
    test: {
      project: "integration",
      file: `${handlers}/asked-steps.int.test.ts`,
      name: "hold: the end of what was granted undoes nothing",
    },
  },
  {
    name: "refusal without a record",
    file: escrow,
    from: '  rows.addHold({ ...step, fee: 0n, remaining: 0n, state: "refused", reason });\n',
    to: "",
    test: {
      project: "integration",
      file: `${handlers}/asked-steps.int.test.ts`,
      name: "hold: a step that was refused stays refused",
    },
  },
  {
    name: "settle without a known id",
    file: escrow,
    from: "  if (rows.isPosted(tradeId)) return;\n",
    to: "",
    test: {
      project: "integration",
      file: `${handlers}/escrow-handlers.int.test.ts`,
      name: "a trade is paid out of two holds",
    },
  },
  {
    name: "a book kept after a rollback",
    file: "domains/market/src/book/book-cache.ts",
    from: "    this.#books.delete(name);\n",
    to: "",
    test: {
      project: "integration",
      file: "domains/market/src/work/reference.int.test.ts",
      name: "",
    },
  },
  {
    name: "balance read without a lock",
    file: "infra/pg_migrations/inventory/0005_escrow.sql",
    from: "ORDER BY ledger_account_id FOR UPDATE",
    to: "ORDER BY ledger_account_id",
    test: {
      project: "integration",
      file: "domains/inventory/src/ledger/ledger.int.test.ts",
      name: "who comes to a balance that another transaction has in hand",
    },
  },
  {
    name: "room that is not kept",
    file: "games/reference/src/contribute.ts",
    from: "if (needed.got + reserved + amount > needed.need)",
    to: "if (needed.got + amount > needed.need)",
    test: {
      project: "unit",
      file: "games/reference/src/land.property.test.ts",
      name: "each contribution is refused, counted or owed back, once; in 9800",
    },
  },
  {
    name: "late goods that are ignored",
    file: "libs/actor/src/takes/takes-kit.ts",
    from: "return appliedWith<E>([back], [gift(context, { giveId, siteId, accountId, asset, amount })]);",
    to: "return appliedWith<E>([back]);",
    test: {
      project: "unit",
      file: "games/reference/src/land.property.test.ts",
      name: "each contribution is refused, counted or owed back, once; in 9800",
    },
  },
  {
    name: "goods that are taken for nothing, seen from outside",
    file: "games/reference/src/supply-site.ts",
    from: "  if (open === undefined || compareIds(open.siteId, siteId) !== 0) return undefined;",
    to: "  if (open === undefined || compareIds(open.siteId, siteId) !== 0) return [];",
    test: {
      project: "outcomes",
      file: "test/chaos/src/outcomes/economy.chaos.test.ts",
      name: "makes and loses not a coin",
    },
  },
];
