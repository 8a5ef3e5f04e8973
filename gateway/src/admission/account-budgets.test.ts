import { expect, it } from "vitest";
import { AccountBudgets, frameCosts } from "./account-budgets.ts";

const options = { commandsPerS: 50, commandsBurst: 100, frameUnitsPerS: 50, frameUnitsBurst: 250 };

it("lets an account send its rate over a hundred connections, and no more", () => {
  const budgets = new AccountBudgets(options);
  const durationMs = 60_000;
  let taken = 0;
  for (let ms = 0; ms < durationMs; ms++) {
    // A new connection asks for the budget anew.
    const budget = budgets.of("anna", ms);
    for (let n = 0; n < 3; n++) if (budget.takeCommand(ms) === 0) taken++;
  }
  const rate = options.commandsBurst + (options.commandsPerS * durationMs) / 1000;
  expect(taken).toBeLessThanOrEqual(rate);
  expect(taken).toBeGreaterThan(0.98 * rate);
});

it("meets a flooder that comes back with what is left, and another account with its own", () => {
  const budgets = new AccountBudgets(options);
  let pings = 0;
  while (budgets.of("anna", 0).takeUnits(frameCosts.ping, 0) === 0) pings++;
  expect(pings).toBe(options.frameUnitsBurst);
  expect(budgets.of("anna", 0).takeUnits(frameCosts.hello, 0)).toBe(200);
  expect(budgets.of("bert", 0).takeUnits(frameCosts.hello, 0)).toBe(0);
  expect(budgets.of("anna", 200).takeUnits(frameCosts.hello, 200)).toBe(0);
  budgets.of("anna", 200).flooded();
  expect(budgets.of("anna", 200).takeUnits(frameCosts.hello, 200)).toBe(5200);
  expect([budgets.helloInMs("anna", 200), budgets.helloInMs("carl", 200)]).toEqual([5200, 0]);
});

it("promises commands of their own: no other frame takes from them", () => {
  const budget = new AccountBudgets(options).of("anna", 0);
  expect(budget.takeUnits(options.frameUnitsBurst, 0)).toBe(0);
  let taken = 0;
  while (budget.takeCommand(0) === 0) taken++;
  expect(taken).toBe(options.commandsBurst);
});

it("remembers so many accounts, and forgets the one that was used least recently", () => {
  const budgets = new AccountBudgets({ ...options, accountsMax: 2 });
  const spend = (account: string): number =>
    budgets.of(account, 0).takeUnits(options.frameUnitsBurst, 0);
  expect(["anna", "bert", "anna", "carl"].map(spend)).toEqual([0, 0, 5000, 0]);
  expect([spend("anna"), spend("bert")]).toEqual([5000, 0]);
});
