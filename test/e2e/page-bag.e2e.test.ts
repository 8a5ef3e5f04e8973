/** The bag of the page: trades between two players on the terms that were shown, as wide as a desk and as a phone, and text that means harm. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { connect, createInventory, uuidBytes } from "@hexhold/client";
import { ClientFrameSchema, ServerFrameSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { ItemsSchema, OffersSchema } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
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
  pages = await startPages({ ...evenLand });
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

async function grantItem({ minted }: PagePlayer, kind: string): Promise<void> {
  const granted = await pages.world.hexctl(
    "grant",
    minted.accountId,
    "--item",
    kind,
    "--reason",
    "a test",
  );
  expect(`${granted.code}: ${granted.output}`).toMatch(/^0: /);
}

const offerForm = (page: Page) => card(page, "Offer a trade");
const offers = (page: Page) => card(page, "Offers").locator(".offers > li");
const goods = (page: Page, asset: string) =>
  card(page, "What you have").locator(".goods tbody tr").filter({ hasText: asset });
const cells = (page: Page, asset: string) => goods(page, asset).locator("td").allTextContents();

interface Line {
  readonly what: string;
  readonly amount?: string;
}

async function offer(page: Page, to: string, give: readonly Line[], want: readonly Line[]) {
  const form = offerForm(page);
  await form.getByLabel("To", { exact: true }).selectOption({ label: to });
  for (const [title, lines] of [
    ["You give", give],
    ["You get", want],
  ] as const) {
    const group = form.getByRole("group", { name: title });
    for (const [nth, { what, amount }] of lines.entries()) {
      if (nth > 0) await group.getByRole("button", { name: /^Add a line/ }).click();
      const select = group.getByLabel("What").nth(nth);
      const label = (await select.locator("option").allTextContents()).find((text) =>
        text.startsWith(what),
      );
      await select.selectOption({ label: label ?? what });
      if (amount !== undefined) await group.getByLabel("How much").nth(nth).fill(amount);
    }
  }
  await form.getByRole("button", { name: "Offer it" }).click();
}

test.each(widths)(
  "an offer is made, seen without a reload and accepted; others are withdrawn and declined: $name",
  async (width) => {
    const from = await pages.join(width);
    const to = await pages.join(width);
    await grant(from, { wood: 1_250n, coin: 40n });
    await grantItem(from, "silver-plaque");
    await grant(to, { coin: 20_000n, stone: 7n });
    for (const { page } of [from, to]) await open(page, "Bag");
    await goods(from.page, "wood").getByText("1,250").waitFor();
    await from.page.getByText("silver-plaque").first().waitFor();

    // What cannot be offered is said beside the form.
    await offer(from.page, to.name, [{ what: "wood", amount: "1251" }], []);
    await says(offerForm(from.page), "You have 1,250 wood.");
    await offer(from.page, to.name, [{ what: "nothing" }], []);
    await says(offerForm(from.page), "An offer has to give something.");

    await offer(
      from.page,
      to.name,
      [{ what: "wood", amount: "1,000" }, { what: "silver-plaque" }],
      [{ what: "coin", amount: "12,345" }],
    );
    await says(offerForm(from.page), `Offered to ${to.name}`);
    await expect.poll(() => cells(from.page, "wood")).toEqual(["250", "1,000"]);
    await offers(from.page)
      .filter({ hasText: `You offer ${to.name}` })
      .waitFor();

    const shown = offers(to.page).filter({ hasText: `${from.name} offers you` });
    await shown.filter({ hasText: /you get\s*1,000 wood, an item/ }).waitFor();
    await shown.filter({ hasText: "12,345 coin" }).waitFor();
    await tab(to.page, "Bag").filter({ hasText: "1 offer to you" }).waitFor();
    for (const { page } of [from, to]) {
      expect([await misfits(page), await barriers(page)]).toEqual([[], []]);
    }
    await pages.picture(to.page, `bag-offer-${width.name}`);
    await pages.picture(from.page, `bag-offered-${width.name}`);

    await shown.getByRole("button", { name: `Accept the offer of ${from.name}` }).click();
    await says(card(to.page, "Offers"), "Traded: the goods are yours.");
    await expect.poll(() => cells(to.page, "wood")).toEqual(["1,000", "–"]);
    await to.page.getByText("silver-plaque").first().waitFor();
    await expect.poll(() => cells(from.page, "coin")).toEqual(["12,385", "–"]);
    await offers(from.page).filter({ hasText: "accepted" }).waitFor();
    await from.page.locator(".items").waitFor({ state: "detached" });

    // One of each way to end it.
    await offer(from.page, to.name, [{ what: "coin", amount: "5" }], []);
    const own = offers(from.page).filter({ hasText: "5 coin" });
    await own.getByRole("button", { name: /^Withdraw/ }).click();
    await own.filter({ hasText: "withdrawn" }).waitFor();
    await offer(from.page, to.name, [{ what: "coin", amount: "6" }], []);
    const asked = offers(to.page).filter({ hasText: "6 coin" });
    await asked.getByRole("button", { name: /^Decline/ }).click();
    await asked.filter({ hasText: "declined" }).waitFor();
    await expect.poll(() => cells(from.page, "coin")).toEqual(["12,385", "–"]);
    expect(pages.faults).toEqual([]);
    for (const { page } of [from, to]) await page.context().close();
  },
);

/** Answers of a command of this type, on their way to the page: `change` may give others. */
async function changeAnswers(
  page: Page,
  type: string,
  change: (result: Uint8Array) => Uint8Array,
): Promise<void> {
  const asked = new Set<string>();
  await page.routeWebSocket(/.*/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      const { frame } = fromBinary(ClientFrameSchema, new Uint8Array(message as Buffer));
      if (frame.case === "command" && frame.value.type === type) {
        asked.add(Buffer.from(frame.value.requestId).toString("hex"));
      }
      server.send(message);
    });
    server.onMessage((message) => {
      const frame = fromBinary(ServerFrameSchema, new Uint8Array(message as Buffer));
      const answer = frame.frame.case === "answer" ? frame.frame.value : undefined;
      const isAsked =
        answer !== undefined && asked.has(Buffer.from(answer.requestId).toString("hex"));
      if (!isAsked || answer.outcome.case !== "applied") {
        socket.send(message);
        return;
      }
      answer.outcome.value.result = change(answer.outcome.value.result);
      socket.send(Buffer.from(toBinary(ServerFrameSchema, create(ServerFrameSchema, frame))));
    });
  });
}

test.each(widths)(
  "who accepts other terms than those that it was shown is refused, and has lost nothing: $name",
  async (width) => {
    const page = await pages.newPage(width);
    // The hash that comes along is that of the true terms: what was shown is what counts.
    let isFalse = true;
    await changeAnswers(page, "cmd.inventory.get-offers", (result) => {
      const seen = fromBinary(OffersSchema, result);
      for (const { terms } of isFalse ? seen.offers : []) terms!.give[0]!.amount = 500n;
      return toBinary(OffersSchema, seen);
    });
    const to = await pages.join(width, { page });
    const from = await pages.join(width);
    await grant(from, { wood: 5n });
    await grant(to, { coin: 100n });
    await open(page, "Bag");
    const { ws } = pages.world.status().endpoints;
    // The other player need not use the page.
    await from.page.context().close();
    const client = await connect({ url: ws, token: from.minted.token });
    try {
      const offered = await createInventory(client).offer({
        to: uuidBytes(to.minted.accountId),
        give: [{ asset: "wood", amount: 5n }],
        want: [{ asset: "coin", amount: 50n }],
      });
      expect(offered).toMatchObject({ outcome: "applied" });
      const shown = offers(page).filter({ hasText: "500 wood" });
      await shown.getByRole("button", { name: /^Accept/ }).click();
      await says(card(page, "Offers"), "Nothing was traded: the offer is not what you were shown.");
      expect(await cells(page, "coin")).toEqual(["100", "–"]);
      await pages.picture(page, `bag-refused-${width.name}`);
      // Shown as it is, it is accepted (control).
      isFalse = false;
      const truly = offers(page).filter({ hasText: /you get\s*5 wood/ });
      await truly.getByRole("button", { name: /^Accept/ }).click();
      await says(card(page, "Offers"), "Traded");
      await expect.poll(() => cells(page, "coin")).toEqual(["50", "–"]);
    } finally {
      client.close();
    }
    expect(pages.faults).toEqual([]);
    await page.context().close();
  },
);

test("names and items that are markup, or turn the direction of text, are text", async () => {
  const markup = `<img src=x onerror="document.title='owned'">`;
  const turned = "\u202egnp.exe\u2066";
  // What turns is seen, and turns nothing.
  const seen = "\ufffdgnp.exe\ufffd";
  const page = await pages.newPage(widths[1]);
  await changeAnswers(page, "cmd.inventory.get-items", (result) => {
    const items = fromBinary(ItemsSchema, result);
    for (const item of items.items) {
      item.kind = markup;
      item.attributes = new TextEncoder().encode(JSON.stringify({ [markup]: turned + markup }));
    }
    return toBinary(ItemsSchema, items);
  });
  await page.route("**/hexhold.edge.v1.AuthService/GetNames", async (route) => {
    const { accountIds } = route.request().postDataJSON() as { accountIds: string[] };
    const names = accountIds.map((accountId) => ({ accountId, name: turned + markup }));
    await route.fulfill({ json: { names } });
  });
  const player = await pages.join(widths[1], { page });
  const other = await pages.join(widths[1]);
  await grantItem(player, "plaque");
  await grant(player, { wood: 3n });
  const title = await page.title();
  await page.locator(".company", { hasText: seen + markup }).waitFor();
  await open(page, "Bag");
  await page.locator(".items .what", { hasText: markup }).waitFor();
  await page.locator(".items .state", { hasText: `: ${seen}${markup}` }).waitFor();
  expect(await page.locator("body").textContent()).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
  await offerForm(page).getByLabel("To", { exact: true }).locator("option").first().waitFor({
    state: "attached",
  });
  await offerForm(page)
    .getByRole("group", { name: "You give" })
    .getByLabel("What")
    .selectOption({ label: "wood (3)" });
  await offerForm(page).getByRole("button", { name: "Offer it" }).click();
  await offers(page).filter({ hasText: markup }).waitFor();
  await open(page, "Council");
  expect(await page.locator("img, .panel script").count()).toBe(0);
  expect(await page.title()).toBe(title);
  await open(page, "Bag");
  expect(await misfits(page)).toEqual([]);
  await pages.picture(page, "bag-hostile-narrow");
  expect(pages.faults).toEqual([]);
  for (const opened of [page, other.page]) await opened.context().close();
});
