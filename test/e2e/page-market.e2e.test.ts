/** The market of the page: two players at a book, as wide as a desk and as a phone, and once by the keyboard alone. */
import { evenLand } from "@hexhold/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  barriers,
  card,
  misfits,
  moveOn,
  open,
  type PagePlayer,
  type Pages,
  says,
  startPages,
  tab,
  widths,
} from "./page-players.ts";

let pages: Pages;

beforeAll(async () => {
  pages = await startPages({
    ...evenLand,
    HEXHOLD_MARKET__BOOKS: JSON.stringify(["wood", "stone", "food", "ore", "herb"]),
  });
});
beforeEach(() => {
  pages.faults.length = 0;
  moveOn();
});
afterAll(async () => pages?.stop());

async function grant({ minted }: PagePlayer, goods: Readonly<Record<string, bigint>>) {
  for (const [asset, amount] of Object.entries(goods)) {
    await pages.world.grant(minted.accountId, asset, amount);
  }
}

const orderCard = (page: Page) => card(page, "Place an order");
const rows = (page: Page) => card(page, "Your orders").locator(".orders li");
const row = (page: Page, words: string | RegExp) => rows(page).filter({ hasText: words });

async function place(
  page: Page,
  side: "Buy" | "Sell",
  quantity: number,
  price: number,
): Promise<void> {
  const form = orderCard(page);
  await form.getByRole("button", { name: new RegExp(`^${side} [a-z]+$`) }).click();
  await form.getByLabel("How many").fill(String(quantity));
  await form.getByLabel("Coin for one").fill(String(price));
  await form.getByRole("button", { name: side, exact: true }).click();
  await says(form, "Ordered");
}

/** A book that no test before has used. */
async function choose(page: Page, name: string): Promise<void> {
  await open(page, "Market");
  await page.getByRole("button", { name, exact: true }).click();
  await page.getByRole("heading", { name: `Market for ${name}` }).waitFor();
}

test.each(widths)(
  "an order is placed, fills before one's eyes, and what rests of it is cancelled: $name",
  async (width) => {
    const book = width.name === "wide" ? "wood" : "stone";
    const seller = await pages.join(width);
    const buyer = await pages.join(width);
    await grant(seller, { [book]: 2_500n, coin: 1_000n });
    await grant(buyer, { coin: 1_234_567n });
    for (const { page } of [seller, buyer]) await choose(page, book);
    await seller.page.getByText(`No ${book} was traded yet.`).waitFor();

    await place(seller.page, "Sell", 30, 12);
    await row(seller.page, `Sell 30 ${book} at 12`).filter({ hasText: "open" }).waitFor();
    // What somebody else sells is seen without a reload.
    const best = buyer.page.getByRole("button", { name: `Buy 30 at 12: ${book}, now` });
    await best.waitFor();
    expect(await misfits(buyer.page)).toEqual([]);

    await place(buyer.page, "Buy", 10, 12);
    await row(buyer.page, /done at 12/).waitFor();
    await row(seller.page, /open, 10 of 30 done at 12/).waitFor();
    await seller.page.getByText("last price 12").waitFor();

    // One click takes the best price; another order for less waits.
    await buyer.page.getByRole("button", { name: `Buy 20 at 12: ${book}, now` }).click();
    await row(seller.page, `Sell 30 ${book} at 12`)
      .filter({ hasText: /done at 12/ })
      .waitFor();
    await place(buyer.page, "Buy", 1_000, 11);
    await row(buyer.page, `Buy 1,000 ${book} at 11`).filter({ hasText: "open" }).waitFor();
    for (const [quantity, price] of [
      [400, 14],
      [250, 15],
      [80, 17],
    ] as const) {
      await place(seller.page, "Sell", quantity, price);
    }
    for (const [quantity, price] of [
      [120, 10],
      [640, 9],
    ] as const) {
      await place(buyer.page, "Buy", quantity, price);
    }
    await seller.page.getByRole("button", { name: `Sell 1,000 at 11: ${book}, now` }).click();
    await row(buyer.page, `Buy 1,000 ${book} at 11`).filter({ hasText: "done at 11" }).waitFor();
    await buyer.page.getByText("last price 11").waitFor();
    await place(seller.page, "Sell", 60, 13);
    await buyer.page.getByRole("button", { name: `Buy 60 at 13: ${book}, now` }).click();
    await buyer.page.getByText("last price 13").waitFor();
    await expect
      .poll(() => buyer.page.locator(".chart svg").getAttribute("aria-label"))
      .toBe(`Price of ${book}: 13 coin now, between 11 and 13 before.`);

    const rest = row(buyer.page, `Buy 640 ${book} at 9`);
    await rest.filter({ hasText: "open" }).waitFor();
    expect([await misfits(buyer.page), await barriers(buyer.page)]).toEqual([[], []]);
    await pages.picture(buyer.page, width.name === "wide" ? "market" : "market-phone", {
      readme: width.name === "wide",
    });
    await rest.getByRole("button", { name: /^Cancel/ }).click();
    await rest.filter({ hasText: "cancelled" }).waitFor();
    await says(card(buyer.page, "Your orders"), "Cancelled");
    await seller.page.getByRole("cell", { name: "640" }).waitFor({ state: "detached" });
    expect(pages.faults).toEqual([]);
    for (const { page } of [seller, buyer]) await page.context().close();
  },
);

test("what cannot be ordered is said beside the form, in words", async () => {
  const { page } = await pages.join(widths[1]);
  await choose(page, "ore");
  const form = orderCard(page);
  const press = () => form.getByRole("button", { name: "Buy", exact: true }).click();
  const fill = async (quantity: string, price: string): Promise<void> => {
    await form.getByLabel("How many").fill(quantity);
    await form.getByLabel("Coin for one").fill(price);
    await press();
  };
  await fill("0", "5");
  await says(form, "How many is a whole number, 1 or more.");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("order-quantity");
  await fill("1.5", "5");
  await says(form, "How many is a whole number");
  await fill("1,000,001", "5");
  await says(form, "One order is for at most 1,000,000.");
  await fill("5", "-1");
  await says(form, "The price is a whole number of coin, 1 or more.");
  expect(await form.getByLabel("Coin for one").getAttribute("aria-invalid")).toBe("true");
  await fill("5", "1001");
  await says(form, "A price may have three digits that count");
  await fill("1000000", "1,000,000,000");
  await says(form, "price times quantity is at most 1,000,000,000,000");
  // What the escrow lacks is known a moment after the order is kept.
  await fill("5", "1000");
  await says(form, "Ordered");
  await row(page, "Buy 5 ore at 1,000").filter({ hasText: "you do not have the coin" }).waitFor();
  expect(await misfits(page)).toEqual([]);
  await pages.picture(page, "market-refused-phone");
  expect(pages.faults).toEqual([]);
  await page.context().close();
});

test("by the keyboard alone: to the market, an order placed and cancelled, and to the next tabs", async () => {
  const player = await pages.join(widths[0]);
  const { page } = player;
  await grant(player, { coin: 500n });
  await tab(page, "Market").waitFor();
  const focused = () =>
    page.evaluate(() => {
      const { activeElement: at } = document;
      return (
        at?.getAttribute("aria-label") ??
        (at instanceof HTMLInputElement ? at.labels?.[0]?.textContent : at?.textContent) ??
        ""
      );
    });
  /** Tab, until what has the focus is called so; every stop of it is seen. */
  const tabTo = async (name: RegExp): Promise<void> => {
    for (let stops = 0; stops < 60; stops++) {
      await page.keyboard.press("Tab");
      const isSeen = await page.evaluate(() => {
        const at = document.activeElement;
        return at === document.body || getComputedStyle(at!).outlineStyle !== "none";
      });
      expect(isSeen).toBe(true);
      if (name.test(await focused())) return;
    }
    throw new Error(`the Tab key does not come to ${name}`);
  };
  await tabTo(/^Hex$/);
  await page.keyboard.press("ArrowRight");
  expect(await focused()).toBe("Market");
  await page.locator('body[data-tab="market"]').waitFor();
  await tabTo(/^herb$/);
  await page.keyboard.press("Space");
  await page.getByRole("heading", { name: "Market for herb" }).waitFor();
  await tabTo(/^How many$/);
  await page.keyboard.press("Control+A");
  await page.keyboard.type("7");
  await tabTo(/^Coin for one$/);
  await page.keyboard.type("11");
  await page.keyboard.press("Enter");
  await says(orderCard(page), "Ordered");
  await row(page, "Buy 7 herb at 11").filter({ hasText: "open" }).waitFor();
  await tabTo(/^Cancel: Buy 7 herb at 11$/);
  await page.keyboard.press("Enter");
  await row(page, "Buy 7 herb at 11").filter({ hasText: "cancelled" }).waitFor();
  await tab(page, "Market").focus();
  await page.keyboard.press("End");
  expect(await focused()).toBe("Chat");
  await page.getByRole("heading", { name: "Chat" }).waitFor();
  await page.keyboard.press("ArrowRight");
  expect(await focused()).toBe("Hex");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("heading", { name: "What you have" }).waitFor();
  await page.keyboard.press("ArrowLeft");
  expect(await focused()).toBe("Council");
  await page.keyboard.press("Home");
  await page.locator('body[data-tab="hex"]').waitFor();
  // Letters walk from anywhere but where they are entered.
  const home = await page.locator("body").getAttribute("data-home");
  await page.keyboard.press("w");
  await expect.poll(() => page.locator("body").getAttribute("data-home")).not.toBe(home);
  expect(pages.faults).toEqual([]);
  await page.context().close();
});
