import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkBorders, type Tables, type WorkspacePackage } from "./check-borders.ts";
import { repositoryRoot } from "../generate.ts";
import { packageTable, usableInEveryTest } from "./package-table.ts";

const tables: Tables = {
  packages: {
    "libs/rules": { uses: [], runsIn: "pure" },
    "libs/wire": { uses: [], runsIn: "browser" },
    "libs/testing": { uses: [] },
    service: { uses: ["libs/rules"], usesInTests: ["libs/wire"] },
    other: { uses: [] },
  },
  drivers: { pg: ["service/src/store/"] },
};

function packageOf(folder: string, dependencies: string[] = [], dev: string[] = []) {
  return {
    folder,
    name: `@hexhold/${folder.split("/").at(-1)}`,
    dependencies,
    devDependencies: dev,
  } satisfies WorkspacePackage;
}

const workspace = [
  packageOf("libs/rules", ["h3-js"]),
  packageOf("libs/wire"),
  packageOf("libs/testing"),
  packageOf(
    "service",
    ["@hexhold/rules", "pg"],
    ["@hexhold/testing", "@hexhold/wire", "fast-check"],
  ),
  packageOf("other"),
];

function check(path: string, text: string): string[] {
  return checkBorders(workspace, [{ path, text }], tables);
}

describe("imports", () => {
  it("lets through what the table allows (control)", () => {
    const text = `
import { readFile } from "node:fs/promises";
import { a } from "@hexhold/rules";
import { b } from "./b.ts";
`;
    expect(check("service/src/a.ts", text)).toEqual([]);
    expect(check("service/src/store/rows.ts", 'import pg from "pg";')).toEqual([]);
  });

  it.each([
    [
      "a package that the table does not name",
      'import { a } from "@hexhold/other";',
      "may not import other",
    ],
    ["a package for tests", 'import { a } from "@hexhold/testing";', "outside tests"],
    ["one that only the tests may use", 'import { a } from "@hexhold/wire";', "outside tests"],
    ["the same as a type", 'type A = import("@hexhold/other").A;', "may not import other"],
    [
      "another package by its path",
      'import { a } from "../../other/src/a.ts";',
      "leaves the package",
    ],
    ["a driver outside its adapter", 'import pg from "pg";', "outside its adapters"],
    [
      "what package.json does not name",
      'import zod from "zod";',
      "not in the package's package.json",
    ],
    ["a development dependency", 'import fc from "fast-check";', "only a development dependency"],
  ])("refuses %s", (_, text, message) => {
    expect(check("service/src/a.ts", text)).toEqual([expect.stringContaining(message)]);
  });

  it("lets tests use more than sources may", () => {
    const text = `
import pg from "pg";
import fc from "fast-check";
import { it } from "vitest";
import { a } from "@hexhold/testing";
import { b } from "@hexhold/wire";
`;
    expect(check("service/src/a.test.ts", text)).toEqual([]);
  });
});

describe("pure packages", () => {
  it.each(["Date.now()", "Math.random()", "process.env", "setTimeout(f, 1)"])(
    "refuse %s",
    (use) => {
      expect(check("libs/rules/src/a.ts", `export const a = ${use};`)).toEqual([
        expect.stringContaining("libs/rules/src/a.ts:1"),
      ]);
    },
  );

  it("refuse node:*, as packages for browsers do, except in their tests", () => {
    const text = 'import { a } from "node:crypto";';
    expect(check("libs/rules/src/a.ts", text)).toHaveLength(1);
    expect(check("libs/wire/src/a.ts", text)).toHaveLength(1);
    expect(check("libs/rules/src/a.test.ts", text)).toEqual([]);
  });

  it("are free in their tests", () => {
    expect(check("libs/rules/src/a.test.ts", "export const a = Date.now();")).toEqual([]);
  });
});

describe("package.json", () => {
  it("names no package that the table forbids", () => {
    const found = checkBorders([...workspace, packageOf("other", ["@hexhold/rules"])], [], tables);
    expect(found).toEqual([
      "other/package.json: other may not depend on libs/rules (package-table.ts)",
    ]);
  });

  it("keeps what is for tests among the development dependencies", () => {
    const found = checkBorders(
      [...workspace, packageOf("other", ["@hexhold/testing"])],
      [],
      tables,
    );
    expect(found).toHaveLength(1);
  });

  it("of a package that the table does not know is a finding", () => {
    expect(checkBorders([packageOf("new")], [], tables)).toEqual([
      expect.stringContaining("not in package-table.ts"),
    ]);
  });
});

describe("the package table", () => {
  it("has no circle, tests included: a package's tests stand on what is below it", () => {
    const circles: string[] = [];
    // Of those that name it in their package.json.
    const testing = (folder: string): string[] =>
      readFileSync(join(repositoryRoot, folder, "package.json"), "utf8").includes(
        '"@hexhold/testing"',
      )
        ? usableInEveryTest.filter((each) => each !== folder)
        : [];
    const visit = (folder: string, above: readonly string[]): void => {
      if (above.includes(folder)) {
        circles.push([...above.slice(above.indexOf(folder)), folder].join(" → "));
        return;
      }
      const { uses = [], usesInTests = [] } = packageTable[folder] ?? {};
      for (const each of [...uses, ...usesInTests, ...testing(folder)]) {
        visit(each, [...above, folder]);
      }
    };
    for (const folder of Object.keys(packageTable)) visit(folder, []);
    expect(circles).toEqual([]);
  });
});
