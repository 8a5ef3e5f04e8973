/** The chat of the page: two players talk, whisper, block and report, as wide as a desk and as a phone. */
import { evenLand } from "@hexhold/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  barriers,
  card,
  misfits,
  moveOn,
  open,
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

const talk = (page: Page) => card(page, /^Chat/);
const lines = (page: Page) => talk(page).locator(".log li");
const line = (page: Page, text: string) => lines(page).filter({ hasText: text });

async function enter(page: Page, where: "Here" | "World" | "Whispers"): Promise<void> {
  await talk(page).getByRole("button", { name: where, exact: true }).click();
}

async function send(page: Page, text: string): Promise<void> {
  await talk(page).locator("#chat-text").fill(text);
  await page.keyboard.press("Enter");
}

test.each(widths)(
  "two players talk here and to the world, whisper, block and report: $name",
  async (width) => {
    const one = await pages.join(width);
    const two = await pages.join(width);
    for (const { page } of [one, two]) await open(page, "Chat");
    const markup = `<img src=x onerror="document.title='owned'"> ${width.name}`;
    await send(one.page, markup);
    await line(two.page, markup).getByText(one.name).waitFor();
    await line(one.page, markup).getByText("you", { exact: true }).waitFor();
    expect(await talk(one.page).locator("#chat-text").inputValue()).toBe("");
    await send(one.page, markup);
    await says(talk(one.page), "You have just said that. Try again in");
    await send(one.page, "turned \u202egnp.exe");
    await says(talk(one.page), "That cannot be sent");
    await send(one.page, "😀".repeat(257));
    await says(talk(one.page), "That is too long");
    await enter(two.page, "World");
    await enter(one.page, "World");
    await send(two.page, `Good morning, ${width.name} world`);
    await line(one.page, `Good morning, ${width.name} world`).waitFor();

    // A whisper is announced wherever its reader is, and read by nobody else.
    await line(two.page, "Good morning").first().waitFor();
    await enter(two.page, "Whispers");
    await talk(two.page).getByLabel("With").selectOption({ label: one.name });
    await send(two.page, "Meet me at the well");
    await tab(one.page, "Chat").filter({ hasText: "1 new whisper" }).waitFor();
    await enter(one.page, "Whispers");
    await talk(one.page).getByLabel("With").selectOption({ label: two.name });
    await line(one.page, "Meet me at the well").waitFor();
    await send(one.page, "I am on my way");
    await line(two.page, "I am on my way").waitFor();
    expect([await misfits(two.page), await barriers(two.page)]).toEqual([[], []]);
    await pages.picture(two.page, `chat-whisper-${width.name}`);

    // Reported once, blocked, and heard again.
    await enter(one.page, "Here");
    await send(two.page, "bye");
    await line(two.page, "bye").waitFor();
    await enter(two.page, "Here");
    await send(two.page, "Buy my gold");
    await line(one.page, "Buy my gold").getByRole("button", { name: two.name }).click();
    expect([await misfits(one.page), await barriers(one.page)]).toEqual([[], []]);
    await pages.picture(one.page, `chat-actions-${width.name}`);
    await line(one.page, "Buy my gold")
      .getByRole("button", { name: "Report", exact: true })
      .click();
    await says(talk(one.page), "Say in a few words what is wrong with it.");
    await one.page.getByLabel("Report it, because").fill("spam");
    await one.page.keyboard.press("Enter");
    await says(talk(one.page), "Reported: a moderator will read it.");
    await line(one.page, "Buy my gold").getByRole("button", { name: two.name }).click();
    await one.page.getByRole("button", { name: `Block ${two.name}` }).click();
    await says(talk(one.page), `${two.name} is blocked`);
    await expect.poll(() => line(one.page, "Buy my gold").count()).toBe(0);
    await enter(two.page, "Whispers");
    await send(two.page, "Why?");
    await says(talk(two.page), "That player takes no whispers, or none of yours.");
    await one.page.getByRole("button", { name: `Unblock ${two.name}` }).click();
    await line(one.page, "Buy my gold").waitFor();
    expect([await one.page.title(), await two.page.locator("img").count()]).toEqual(["Hexhold", 0]);
    expect(pages.faults).toEqual([]);
    for (const { page } of [one, two]) await page.context().close();
  },
);
