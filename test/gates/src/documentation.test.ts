/** The tables of docs/ against the code that they describe. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { contracts as chatContracts } from "@hexhold/gen/hexhold/chat/v1/contracts";
import { contracts as governanceContracts } from "@hexhold/gen/hexhold/governance/v1/contracts";
import { contracts as hexContracts } from "@hexhold/gen/hexhold/hex/v1/contracts";
import { contracts as inventoryContracts } from "@hexhold/gen/hexhold/inventory/v1/contracts";
import { contracts as marketContracts } from "@hexhold/gen/hexhold/market/v1/contracts";
import { contracts as ownershipContracts } from "@hexhold/gen/hexhold/ownership/v1/contracts";
import { contracts as referenceContracts } from "@hexhold/gen/hexhold/reference/v1/contracts";
import { parseAst } from "vitest/node";
import { expect, it } from "vitest";
import { repositoryRoot } from "./generate.ts";
import { isForTests, readSources } from "./source-tree.ts";

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

const sources = readSources(repositoryRoot, [".ts"]).filter((file) => !isForTests(file.path));

/** Rows of the first table behind a heading, cells without backticks. */
function tableUnder(file: string, heading: string): string[][] {
  const text = readFileSync(path.join(repositoryRoot, file), "utf8");
  const section = text.split(`\n${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

/** Where a call has the reason of an error: by the name of what is called, the argument's place. */
const reasonArguments: Readonly<Record<string, number>> = {
  invalid: 0,
  unavailable: 0,
  limited: 0,
  TokenError: 0,
  errorAnswer: 1,
  fail: 2,
  fault: 1,
};

/** Every reason that gateway, worker and domain services put into an error, as literals at the places where they do. */
function reasonsInCode(): Set<string> {
  const reasons = new Set<string>();
  const take = (value: unknown): void => {
    if (!isNode(value)) return;
    if (value.type === "ConditionalExpression") {
      take(value["consequent"]);
      take(value["alternate"]);
    }
    const literal = value["value"];
    if (value.type === "Literal" && typeof literal === "string" && /^[a-z][a-z-]+$/.test(literal)) {
      reasons.add(literal);
    }
  };
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (!isNode(value)) return;
    const { callee, key } = value as { callee?: Node; key?: Node } & Node;
    if (value.type === "CallExpression" || value.type === "NewExpression") {
      const at = reasonArguments[nameOf(callee) || nameOf(callee?.["property"])];
      if (at !== undefined) take((value["arguments"] as unknown[])[at]);
    }
    if (value.type === "ObjectExpression" && isRefusal(value)) return;
    if (value.type === "Property" && key?.["name"] === "reason") take(value["value"]);
    Object.values(value).forEach(visit);
  };
  for (const { path: file, text } of sources) {
    if (/^(gateway|worker|libs\/domain|domains\/[a-z]+)\/src\//.test(file))
      visit(parseAst(text, { lang: "ts" }));
  }
  // Handed through: what libs/hex says of a cell.
  const cell = sources.find(({ path: file }) => file === "libs/hex/src/cell.ts")?.text ?? "";
  const [, faults = ""] = /type CellFault = (.+);/.exec(cell) ?? [];
  for (const [, fault = ""] of faults.matchAll(/"([a-z-]+)"/g)) reasons.add(fault);
  return reasons;
}

/** `{ kind: "refused", … }`: its reason is one of a command's option, not of an error. */
function isRefusal({ properties }: Node): boolean {
  return (properties as Node[]).some(({ key, value }) => {
    const isKind = isNode(key) && key["name"] === "kind";
    return isKind && isNode(value) && value["value"] === "refused";
  });
}

/** Of an identifier, else empty. */
function nameOf(node: unknown): string {
  const name = isNode(node) ? node["name"] : undefined;
  if (typeof name !== "string") return "";
  return (node as Node).type === "PrivateIdentifier" ? `#${name}` : name;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value;
}

it("docs/protocol.md lists every reason that is sent, and no other", () => {
  const documented = tableUnder("docs/protocol.md", "## Errors").map(([, reason]) => reason);
  const inCode = reasonsInCode();
  expect(inCode.size).toBeGreaterThan(30);
  expect(new Set(documented)).toEqual(inCode);
});

/** What only hexes, their timers and services send each other. */
const betweenServices = new Set([
  "cmd.hex.end-take",
  "cmd.hex.set-owner",
  "cmd.hex.arrive",
  "cmd.hex.end-transfer",
  "cmd.hex.cancel-transfer",
  "cmd.hex.fire",
]);

it("docs/protocol.md lists every refusal of the commands' options, and no other", () => {
  const documented = tableUnder("docs/protocol.md", "## Refusals").map(
    ([type, , reason]) => `${type} ${reason}`,
  );
  const commands: [string, { readonly refusals: readonly string[] }][] = [
    ...Object.entries(hexContracts.commands),
    ...Object.entries(referenceContracts.commands),
    ...Object.entries(inventoryContracts.commands),
    ...Object.entries(marketContracts.commands),
    ...Object.entries(governanceContracts.commands),
    ...Object.entries(chatContracts.commands),
    ...Object.entries(ownershipContracts.commands),
  ];
  const options = commands
    .filter(([type]) => !betweenServices.has(type))
    .flatMap(([type, { refusals }]) => refusals.map((reason) => `${type} ${reason}`));
  expect(documented.toSorted()).toEqual(options.toSorted());
});

it("docs/protocol.md gives the gateway's limits with their defaults", () => {
  const config = sources.find(({ path: file }) => file === "gateway/src/gateway-config.ts")?.text;
  const options = tableUnder("docs/protocol.md", "## Limits").flatMap(([, value = "", option]) =>
    option === "" ? [] : [{ name: option?.split(".")[1] ?? "", value: value.replaceAll(",", "") }],
  );
  expect(options.length).toBeGreaterThan(5);
  for (const { name, value } of options) {
    const rule = new RegExp(`${name}: z[\\s\\S]*?\\.default\\(([^)]+)\\)`).exec(config ?? "")?.[1];
    const found = (rule ?? "")
      .replaceAll("_", "")
      .split("*")
      .reduce((all, n) => all * Number(n), 1);
    expect(`${name} ${found}`).toBe(`${name} ${value}`);
  }
});

it("docs/operations.md lists every metric of ours, and no other", () => {
  const text = readFileSync(path.join(repositoryRoot, "docs/operations.md"), "utf8");
  const documented = new Set(text.match(/(?<=`)hexhold_[a-z_]+(?=`)/g));
  const inCode = new Set(
    sources
      .filter(
        ({ path: file }) => file.endsWith("metrics.ts") && !file.startsWith("libs/telemetry/"),
      )
      .flatMap(({ text: code }) => code.match(/(?<=")hexhold_[a-z_]+(?=")/g) ?? []),
  );
  expect(inCode.size).toBeGreaterThan(25);
  expect(documented).toEqual(inCode);
});

it("docs/operations.md names every option of every section, and every command of hexctl", () => {
  const operations = readFileSync(path.join(repositoryRoot, "docs/operations.md"), "utf8");
  const rows = new Map(
    tableUnder("docs/operations.md", "## Configuration").map(([section = "", options = ""]) => [
      section,
      options,
    ]),
  );
  const limits = tableUnder("docs/protocol.md", "## Limits").map((row) => row.join(" "));
  const missing: string[] = [];
  let count = 0;
  for (const { text } of sources) {
    for (const [, section = "", body = ""] of text.matchAll(
      /export const (\w+)Section = z\.(?:strictO|o)bject\(\{\n([\s\S]*?)\n\}\);/g,
    )) {
      for (const [, option = ""] of body.matchAll(/^ {2}(\w+):/gm)) {
        count++;
        const documented = `${rows.get(section)} ${section === "gateway" ? limits.join(" ") : ""}`;
        if (option !== "instance" && !new RegExp(`\\b${option}\\b`).test(documented)) {
          missing.push(`${section}.${option}`);
        }
      }
    }
  }
  expect(count).toBeGreaterThan(60);
  const commands = sources.flatMap(({ path: file, text }) =>
    file.startsWith("hexctl/src/commands/") ? [...text.matchAll(/new Command\("([a-z-]+)/g)] : [],
  );
  expect(commands.length).toBeGreaterThan(15);
  for (const [, name = ""] of commands) {
    if (!new RegExp(`^\\| \`${name}\\b`, "m").test(operations)) missing.push(`hexctl ${name}`);
  }
  expect(missing).toEqual([]);
});

it("docs/failures.md names a test in every row, and each is there under that name", () => {
  const headings = [
    "## A start that fails",
    "## A process of the product",
    "## What surrounds it",
    "## A dependency",
    "## A command",
  ];
  const rows = headings.flatMap((heading) => tableUnder("docs/failures.md", heading));
  expect(rows.length).toBeGreaterThan(20);
  const tests = rows.flatMap((row) => (row.at(-1) ?? "").split("; ").map((test) => [row[0], test]));
  const missing = tests.flatMap(([what = "", named = ""]) => {
    const [file = "", title = ""] = named.split(": ", 2);
    const text = readFileSync(path.join(repositoryRoot, file), "utf8");
    return title !== "" && text.includes(named.slice(file.length + 2)) ? [] : [`${what}: ${named}`];
  });
  expect(missing).toEqual([]);
});
