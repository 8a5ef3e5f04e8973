/** Nothing that the server can say is left without a sentence, and no sentence speaks the protocol's language. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { create, type DescFile, getOption, hasOption } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import {
  AccountError,
  type EndReason,
  type ErrorCodeName,
  type TransferOutcome,
} from "@hexhold/client";
import { file_hexhold_accounts_v1_commands } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { LoginRequestSchema, RegisterRequestSchema } from "@hexhold/gen/hexhold/edge/v1/auth_pb";
import { file_hexhold_hex_v1_commands } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { file_hexhold_chat_v1_commands } from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import { file_hexhold_governance_v1_commands } from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { file_hexhold_inventory_v1_commands } from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import { file_hexhold_inventory_v1_trades } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { file_hexhold_market_v1_commands } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { file_hexhold_reference_v1_commands } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { contract, Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accountSentence, accountWords, durationWords, formFault } from "./account-words.ts";
import {
  documentCut,
  documentUnreadable,
  mapLabel,
  otherGame,
  walkHint,
  withoutView,
} from "./game-words.ts";
import { errorSentence, faultOfPage, outcomeWords, walkWords } from "./outcome-words.ts";
import { refusalSentence } from "./refusal-words.ts";
import { deniedWords, endWords } from "./session-words.ts";

const protocol = readFileSync(
  path.resolve(import.meta.dirname, "../../../docs/protocol.md"),
  "utf8",
);

/** Refusals of the commands of a file that `sender` may send. */
function refusalsOf(file: DescFile, sender: Sender): { type: string; reason: string }[] {
  return file.messages.flatMap((message) => {
    if (!hasOption(message, contract)) return [];
    const { type, refusals, senders } = getOption(message, contract);
    return senders.includes(sender) ? refusals.map((reason) => ({ type, reason })) : [];
  });
}

/** Rows of the first table behind a heading, its cells without backticks. */
function tableUnder(heading: string): string[][] {
  const section = protocol.split(`\n${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

/** A sentence or more, in words that a player knows. */
function expectPlain(words: string | undefined, about: string): void {
  const said = `${about} → ${words}`;
  expect(said).toMatch(/ → [A-Z].*[.!]$/);
  expect(said.slice(about.length)).not.toMatch(
    /[a-z]-(too|of|is|for|not|resident|transit)-|undefined|\{|\^|\[/,
  );
  expect(said.slice(about.length)).not.toMatch(
    /token|protocol|payload|envelope|uuid|gateway|websocket|request id|client|cmd\.|regular expression|http/i,
  );
}

describe("every refusal has a sentence", () => {
  const clientRefusals = [
    file_hexhold_hex_v1_commands,
    file_hexhold_reference_v1_commands,
    file_hexhold_inventory_v1_commands,
    file_hexhold_inventory_v1_trades,
    file_hexhold_market_v1_commands,
    file_hexhold_governance_v1_commands,
    file_hexhold_chat_v1_commands,
  ].flatMap((file) => refusalsOf(file, Sender.CLIENT));

  test.each(clientRefusals)("$type: $reason", ({ type, reason }) => {
    expect(refusalSentence(type, reason)).toBeDefined();
    const refused = { outcome: "refused", reason, retryAfterMs: 2500, detail: undefined } as const;
    const wish = { type, doing: "Gathering wood", thing: "wood" };
    const words = outcomeWords(wish, { ...refused, hexVersion: 1, replayed: false });
    expectPlain(words, reason);
    expect(words).toContain("3 s");
    expect(words).not.toContain("is not possible now");
  });

  test("there are as many as the contracts name (control)", () => {
    expect(clientRefusals.length).toBeGreaterThan(75);
    expect(refusalSentence("cmd.hex.gather", "no-such-reason")).toBeUndefined();
  });
});

test("every error that docs/protocol.md lists has a sentence, and so has one that it does not", () => {
  const rows = tableUnder("## Errors").slice(2);
  expect(rows.length).toBeGreaterThan(30);
  for (const [code = "", reason = ""] of rows) {
    expectPlain(errorSentence("Gathering wood", code as ErrorCodeName, reason, 1500), reason);
  }
  expectPlain(errorSentence("Gathering wood", "NEW" as ErrorCodeName, "new"), "an unknown code");
  expect(errorSentence("Gathering wood", "RESOURCE_EXHAUSTED", "rate-limited", 1500)).toBe(
    "That was too much at once: gathering wood has to wait a moment. Try again in 2 s.",
  );
});

test("a fault of the page itself is told of as one", () => {
  expectPlain(faultOfPage({ type: "cmd.market.place-order", doing: "Placing the order" }), "fault");
});

test("every reason of the accounts service and of AuthService has a sentence", () => {
  const documented = tableUnder("## Accounts")
    .filter(([code = ""]) => /^[a-z_]+$/.test(code) && code !== "method" && code !== "code")
    .flatMap(([, reasons = ""]) => reasons.split(", "));
  const refusals = refusalsOf(file_hexhold_accounts_v1_commands, Sender.GATEWAY);
  const reasons = new Set([...documented, ...refusals.map(({ reason }) => reason)]);
  expect(reasons.size).toBeGreaterThan(10);
  for (const reason of [...reasons, "unreachable", "invalid"]) {
    const ban = reason === "banned" ? { untilMs: undefined, reason: "spam" } : undefined;
    expectPlain(accountWords(new AccountError(reason, "of the wire", 1500, ban), 0), reason);
    if (reason !== "banned" && reason !== "rate-limited") {
      expect([reason, accountSentence(reason)]).not.toContain(undefined);
    }
  }
  expectPlain(accountWords(new AccountError("a-new-one", "of the wire"), 0), "an unknown reason");
});

test("a ban says for how long and why", () => {
  const until = (untilMs: number | undefined, reason: string): string =>
    accountWords(new AccountError("banned", "", 0, { untilMs, reason }), 0);
  expect(until(7_200_000, "spam.")).toBe(
    "This account is banned for another 2 hours. The reason: spam.",
  );
  expect(until(undefined, "")).toBe("This account is banned from this world.");
  expect([1, 90_000, 119_000, 120_000, 86_400_000, 172_800_000].map(durationWords)).toEqual([
    "1 second",
    "90 seconds",
    "119 seconds",
    "2 minutes",
    "24 hours",
    "2 days",
  ]);
});

test("every end of a session has words, those of the contracts and any other", () => {
  const reasons: EndReason[] = ["newer-session", "banned", "not-authenticated", "unreachable"];
  for (const reason of [...reasons, "new-one" as EndReason]) {
    const { title, text } = endWords(reason);
    expectPlain(text, reason);
    expect(title).not.toBe("");
  }
  // The closed list of close-reason.ts is the type of the table: leaving one out does not compile.
  expect(endWords("newer-session").mayComeBack).toBe(true);
  expect(endWords("banned").mayComeBack).toBe(false);
});

test("a walk that ends elsewhere than meant says why", () => {
  const applied = { outcome: "applied", hexVersion: 1, replayed: false, durability: "DURABLE" };
  const ended = (end: object): string | undefined =>
    walkWords({ ...applied, ...end } as unknown as TransferOutcome);
  expect(ended({ end: "arrived" })).toBeUndefined();
  for (const reason of ["hex-full", "cancelled", "", "a-new-one"]) {
    expectPlain(ended({ end: "returned", reason }), reason);
  }
  expectPlain(ended({ end: "unknown" }), "unknown");
  expect(ended({ end: "returned", reason: "hex-full" })).toContain("full");
});

test("why a hex is not shown is said in a word or two", () => {
  const denied = tableUnder("## Errors").filter(([, , sentAs = ""]) =>
    sentAs.includes("error frame"),
  );
  for (const [, reason = ""] of denied) expect(deniedWords(reason)).toMatch(/^[a-z’ ]+$/);
  expect(deniedWords("out-of-bounds")).not.toBe(deniedWords("too-far"));
});

test("a world whose game the page cannot show is told of in plain words, with what can be done there", () => {
  for (const words of [withoutView, otherGame, documentCut, documentUnreadable]) {
    expectPlain(words, "a game");
  }
  for (const words of [withoutView, otherGame]) expect(words).toContain("walk");
  expect(withoutView).toContain("has no view of its own");
  expect([walkHint(false, true), walkHint(true, true)]).toEqual([
    "Click to walk, in your hex or to the next",
    "Tap to walk, in your hex or to the next",
  ]);
  expect([walkHint(false, false), walkHint(true, false)]).toEqual([
    "Click a hex next to yours to walk there",
    "Tap a hex next to yours to walk there",
  ]);
  expect(mapLabel(true)).toContain("Arrow keys walk inside your hex");
  expect(mapLabel(false)).not.toContain("Arrow");
  expectPlain(mapLabel(false), "the map");
});

describe("the form", () => {
  const validator = createValidator();
  const character = fc.constantFrom(..."a Z 9 - _ é ñ 😀 . ^".split(" "), " ");
  const text = (max: number) => fc.string({ unit: character, maxLength: max });

  test("takes what the contract of a registration takes, and nothing else", () => {
    fc.assert(
      fc.property(text(27), fc.oneof(text(12), text(140)), (name, password) => {
        const request = create(RegisterRequestSchema, { name, password });
        const isTaken = validator.validate(RegisterRequestSchema, request).kind === "valid";
        expect(formFault("register", name, password) === undefined).toBe(isTaken);
      }),
      { numRuns: 2000 },
    );
  });

  test("takes what the contract of a login takes, and nothing else", () => {
    fc.assert(
      fc.property(text(27), fc.oneof(text(12), text(140)), (name, password) => {
        const request = create(LoginRequestSchema, { name, password });
        const isTaken = validator.validate(LoginRequestSchema, request).kind === "valid";
        expect(formFault("login", name, password) === undefined).toBe(isTaken);
      }),
      { numRuns: 2000 },
    );
  });

  test("says what is wrong and in which field", () => {
    const faults = [
      formFault("register", "a!", "12345678"),
      formFault("register", "anna b", "12345678"),
      formFault("register", "-anna", "12345678"),
      formFault("register", "anna", "1234567"),
      formFault("login", "", "x"),
      formFault("login", "anna", ""),
    ];
    expect(faults.map((fault) => fault?.field)).toEqual(
      "name name name password name password".split(" "),
    );
    for (const fault of faults) expectPlain(fault?.words, fault?.field ?? "");
  });
});
