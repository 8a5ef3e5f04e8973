/** Land and council of the page: two players build, elect one of them, and are taxed; as wide as a desk and as a phone. */
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
  widths,
} from "./page-players.ts";

let pages: Pages;

beforeAll(async () => {
  const dwelling = { levelMin: 0, buildMs: 6_000, needs: { wood: 40, stone: 0, food: 25 } };
  pages = await startPages({
    ...evenLand,
    HEXHOLD_GAME__OPTIONS__SITES: JSON.stringify({ dwelling }),
    HEXHOLD_GAME__OPTIONS__TAX_DELAY_MS: "3000",
    HEXHOLD_GOVERNANCE__ELECTION_MS: "24000",
    HEXHOLD_GOVERNANCE__TERM_MS: "120000",
  });
});
beforeEach(() => {
  pages.faults.length = 0;
  moveOn();
});
afterAll(async () => pages?.stop());

async function settle(
  width: (typeof widths)[number],
  goods: Readonly<Record<string, bigint>>,
): Promise<PagePlayer> {
  const player = await pages.join(width);
  for (const [asset, amount] of Object.entries(goods)) {
    await pages.world.grant(player.minted.accountId, asset, amount);
  }
  return player;
}

const site = (page: Page) => card(page, "Building site");
const giving = (page: Page) => card(page, "Give to your hex");
const land = (page: Page, words: string | RegExp) =>
  page.locator(".land div").filter({ hasText: words });

async function give(page: Page, what: string, amount: string): Promise<void> {
  const form = giving(page);
  const select = form.getByLabel("What");
  const label = async (): Promise<string | undefined> =>
    (await select.locator("option").allTextContents()).find((text) => text.startsWith(what));
  await select.selectOption({ label: (await label()) ?? what });
  await form.getByLabel("How much").fill(amount);
  await form.getByRole("button", { name: "Give", exact: true }).click();
}

async function plan(page: Page): Promise<void> {
  await site(page).getByLabel("Nothing is being built. Plan a").selectOption({ index: 0 });
  await site(page).getByRole("button", { name: "Plan it" }).click();
  await says(site(page), "The dwelling is planned");
}

async function look(page: Page): Promise<void> {
  expect([await misfits(page), await barriers(page)]).toEqual([[], []]);
}

test.each(widths)(
  "two players contribute until a building stands; one calls, both stand and vote, and the owner sets a tax: $name",
  async (width) => {
    const planner = await settle(width, { wood: 200n, food: 200n });
    const helper = await settle(width, { wood: 30n, food: 30n, stone: 5n });

    await site(planner.page).getByLabel("Nothing is being built.").selectOption({ index: 2 });
    await site(planner.page).getByRole("button", { name: "Plan it" }).click();
    await says(site(planner.page), "This hex has to rise before that can be built here.");
    await plan(planner.page);
    // The other one sees it without a reload.
    await site(helper.page).getByText(`dwelling, planned by ${planner.name}`).waitFor();
    await give(planner.page, "wood", "0");
    await says(giving(planner.page), "How much is a whole number, 1 or more.");
    await give(planner.page, "wood", "41");
    await says(giving(planner.page), "The building site has no room for as much");
    await give(helper.page, "stone", "5");
    await says(giving(helper.page), "The building site needs nothing of this.");
    await give(planner.page, "wood", "40");
    await says(giving(planner.page), "40 wood on the way to the dwelling.");
    await site(helper.page).getByText("40 / 40").waitFor();
    await give(helper.page, "food", "31");
    await says(giving(helper.page), "You have 30 food.");
    await give(helper.page, "food", "10");
    await site(planner.page).getByText("10 / 25").waitFor();
    await look(planner.page);
    await pages.picture(planner.page, width.name === "wide" ? "page-site" : "site-phone");
    await give(helper.page, "food", "15");
    await site(planner.page)
      .getByText(/^Stands in 0:0\d$/)
      .waitFor();
    await site(planner.page)
      .getByRole("progressbar", { name: "How much of it is built" })
      .waitFor();
    await land(planner.page, "buildings")
      .filter({ hasText: /1 dwelling \(1 of \d\)/ })
      .waitFor();
    await site(planner.page).getByRole("button", { name: "Plan it" }).waitFor();

    // Reputation has come of it.
    for (const { page } of [planner, helper]) await open(page, "Council");
    await card(planner.page, "Council of your hex")
      .getByText("40", { exact: true })
      .first()
      .waitFor();
    await card(planner.page, "Council of your hex").getByText("Nobody owns this hex.").waitFor();
    const election = (page: Page) => card(page, /Election of the owner|The last election/);
    await card(helper.page, "Council of your hex")
      .getByText("25", { exact: true })
      .first()
      .waitFor();
    await election(planner.page).getByRole("button", { name: "Call an election" }).click();
    await says(election(planner.page), "The election is open.");
    // Twice in a row it is refused, and the page offers it no more.
    await election(helper.page)
      .getByText(/closes in 0:\d\d/)
      .waitFor();
    // What is markup elsewhere is text here.
    const markup = `<img src=x onerror="document.title='owned'">`;
    const promise = width.name === "wide" ? "Wells for all" : markup;
    await election(planner.page)
      .getByLabel("Stand yourself")
      .fill("A storehouse, and no tax above 12.5 %");
    await election(planner.page).getByRole("button", { name: "Stand" }).click();
    await says(election(planner.page), "You stand for owner.");
    await election(helper.page).getByLabel("Stand yourself").fill(promise);
    await election(helper.page).getByRole("button", { name: "Stand" }).click();
    await says(election(helper.page), "You stand for owner.");
    const candidate = (page: Page, name: string) =>
      election(page).locator(".candidates li").filter({ hasText: name });
    await candidate(planner.page, helper.name).getByText(promise).waitFor();
    // A vote is cast, and replaced by another.
    await candidate(helper.page, helper.name).getByRole("button", { name: /^Vote/ }).click();
    await candidate(helper.page, helper.name).getByText("your vote").waitFor();
    await candidate(helper.page, planner.name).getByRole("button", { name: /^Vote/ }).click();
    await candidate(helper.page, planner.name).getByText("your vote").waitFor();
    expect(await candidate(helper.page, helper.name).getByText("your vote").count()).toBe(0);
    await candidate(planner.page, planner.name).getByRole("button", { name: /^Vote/ }).click();
    await election(planner.page).getByText("2 of 2 electors have voted").waitFor();
    await look(helper.page);
    await pages.picture(helper.page, width.name === "wide" ? "council" : "council-phone", {
      readme: width.name === "wide",
    });

    // It closes by itself, and both see how.
    const won = `${planner.name} was elected`;
    for (const { page } of [planner, helper]) {
      await election(page).getByText(won).first().waitFor({ timeout: 45_000 });
    }
    await candidate(helper.page, planner.name).getByText("elected").waitFor();
    await card(planner.page, "Council of your hex")
      .getByText(/^You own this hex for/)
      .waitFor();
    await card(helper.page, "Council of your hex")
      .getByText(`${planner.name} owns this hex for`)
      .waitFor();
    await card(helper.page, "What was before").getByText(won).waitFor();

    // The owner alone sets the tax.
    const tax = card(planner.page, "Your tax");
    await tax.getByLabel("Percent of what others gather").fill("a lot");
    await tax.getByRole("button", { name: "Set the tax" }).click();
    await says(tax, "A tax is a number of percent from 0 to 100");
    await tax.getByLabel("Percent of what others gather").fill("90");
    await tax.getByRole("button", { name: "Set the tax" }).click();
    await says(tax, "No tax may be as high as that.");
    await tax.getByLabel("Percent of what others gather").fill("12.5");
    await tax.getByRole("button", { name: "Set the tax" }).click();
    await says(tax, "The tax will be 12.5 %");
    expect(await card(helper.page, "Your tax").count()).toBe(0);
    await look(planner.page);
    await pages.picture(planner.page, width.name === "wide" ? "council-owner" : "owner-phone");
    for (const { page } of [planner, helper]) await open(page, "Hex");
    await land(helper.page, "tax")
      .filter({ hasText: /^tax12\.5 %$/ })
      .waitFor();
    await land(helper.page, "owner").filter({ hasText: planner.name }).waitFor();
    await site(helper.page).getByText("The owner of the hex plans what is.").waitFor();
    await site(planner.page).getByRole("button", { name: "Plan it" }).click();
    await says(site(planner.page), "The dwelling is planned");
    await look(helper.page);
    await pages.picture(helper.page, width.name === "wide" ? "page-owned" : "owned-phone");
    expect([await helper.page.title(), await helper.page.locator("img").count()]).toEqual([
      "Hexhold",
      0,
    ]);
    expect(pages.faults).toEqual([]);
    for (const { page } of [planner, helper]) await page.context().close();
  },
);

test("a site is given up by who planned it, and what was brought comes back", async () => {
  const { page } = await settle(widths[1], { wood: 50n });
  await plan(page);
  await give(page, "wood", "30");
  await site(page).getByText("30 / 40").waitFor();
  await giving(page).getByLabel("What").getByText("wood (20)").waitFor({ state: "attached" });
  await site(page).getByRole("button", { name: "Give up the site" }).click();
  await says(site(page), "The site is given up");
  await giving(page).getByLabel("What").getByText("wood (50)").waitFor({ state: "attached" });
  await site(page).getByRole("button", { name: "Plan it" }).waitFor();
  await open(page, "Council");
  await card(page, "Election of the owner")
    .getByRole("button", { name: "Call an election" })
    .click();
  await says(
    card(page, "Election of the owner"),
    "You need more reputation in this hex to call an election",
  );
  // The council is that of the hex where the player lives, as it walks.
  const home = () => page.locator("body").getAttribute("data-home");
  const before = await home();
  await page.keyboard.press("d");
  await expect.poll(home).not.toBe(before);
  await card(page, "Council of your hex").getByText("Nobody owns this hex.").waitFor();
  await card(page, "Election of the owner").getByText("There was none in this hex yet.").waitFor();
  expect(pages.faults).toEqual([]);
  await page.context().close();
});
