import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { prepareProtos, repositoryRoot } from "../generate.ts";
import { checkContracts } from "./contracts-gate.ts";
import { freezeSubject } from "./freeze-history.ts";
import { buildImage, frozenImage } from "./image.ts";

const commands = "proto/hexhold/reference/v1/commands.proto";
const platformCommands = "proto/hexhold/hex/v1/commands.proto";
const frames = "proto/hexhold/edge/v1/frames.proto";

/** The contracts of the repository, and a folder of each test's own in which they are frozen as they are. */
let image: Uint8Array;
let root: string;

beforeAll(async () => {
  prepareProtos(repositoryRoot);
  image = await buildImage(repositoryRoot);
}, 30_000);

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "hexhold-contracts-"));
  for (const part of ["proto", "buf.yaml", ".build/proto"]) {
    cpSync(path.join(repositoryRoot, part), path.join(root, part), { recursive: true });
  }
  mkdirSync(path.dirname(path.join(root, frozenImage)), { recursive: true });
  writeFileSync(path.join(root, frozenImage), image);
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Replaces `from`, which must be there, in a file of the copy. */
function edit(file: string, from: string, to: string): void {
  const text = readFileSync(path.join(root, file), "utf8");
  if (!text.includes(from)) throw new Error(`${file} does not contain ${from}`);
  writeFileSync(path.join(root, file), text.replace(from, to));
}

/** The version of the first contract of that type in `commands.proto`, raised. */
function raiseVersion(type: string): void {
  raiseBehind(`type: "${type}"\n    version: `);
}

/** The number behind `text`, one higher. */
function raiseBehind(text: string): void {
  const file = readFileSync(path.join(root, commands), "utf8");
  const [, number] = file.split(text, 2)[1]?.match(/^(\d+)/) ?? [];
  edit(commands, `${text}${number}`, `${text}${Number(number) + 1}`);
}

describe("a copy of the contracts", { timeout: 30_000 }, () => {
  it("passes as it is (control)", async () => {
    const { failures } = await checkContracts(root);
    expect(failures).toEqual([]);
  });

  it("fails after a breaking edit: a field of another type", async () => {
    edit(
      commands,
      "int64 amount = 2 [(buf.validate.field).int64",
      "string amount = 2 [(buf.validate.field).string",
    );
    edit(commands, "gte: 1\n    lte: 1000", "min_len: 1\n    max_len: 1000");
    raiseVersion("cmd.hex.gather");
    const { failures } = await checkContracts(root);
    expect(failures.join("\n")).toContain("buf breaking");
    expect(failures.join("\n")).toContain("amount");
  });

  it("fails after a tightened rule, although the version was raised", async () => {
    edit(commands, "lte: 1000", "lte: 100");
    raiseVersion("cmd.hex.gather");
    const { failures } = await checkContracts(root);
    expect(failures).toEqual([
      expect.stringMatching(/hexhold\.reference\.v1\.Gather\.amount: .*lte 100.* is tighter/),
    ]);
  });

  it("fails after a change whose version was not raised", async () => {
    edit(commands, "int64 owner_amount = 3;", "int64 owner_amount = 3;\n  int64 bonus = 4;");
    const { failures } = await checkContracts(root);
    expect(failures).toEqual([
      expect.stringMatching(
        /hexhold\.reference\.v1\.Gather \(cmd\.hex\.gather\) changed .*bonus.* version 2: raise it/,
      ),
    ]);
  });

  it("passes after the same change with a raised version", async () => {
    edit(commands, "int64 owner_amount = 3;", "int64 owner_amount = 3;\n  int64 bonus = 4;");
    raiseVersion("cmd.hex.gather");
    const { failures } = await checkContracts(root);
    expect(failures).toEqual([]);
  });

  it("passes after a loosened rule with a raised version, and fails without", async () => {
    edit(commands, "lte: 1000", "lte: 5000");
    expect((await checkContracts(root)).failures).toEqual([expect.stringContaining("raise it")]);
    raiseVersion("cmd.hex.gather");
    expect((await checkContracts(root)).failures).toEqual([]);
  });

  it("passes after a new comment or another order of fields: neither is a contract", async () => {
    edit(
      commands,
      "int64 amount = 1;\n  // What is left in the hex.\n  int64 left = 2;",
      "// Other words.\n  int64 left = 2;\n  int64 amount = 1;",
    );
    expect((await checkContracts(root)).failures).toEqual([]);
  });

  it("fails when a type is gone", async () => {
    edit(platformCommands, 'type: "cmd.hex.leave"', 'type: "cmd.hex.depart"');
    const { failures } = await checkContracts(root);
    expect(failures.join("\n")).toContain("the type cmd.hex.leave is gone");
  });

  it("fails when a reason for a refusal is added in silence", async () => {
    edit(commands, '"depleted"', '"depleted",\n      "too-tired"');
    const { failures } = await checkContracts(root);
    expect(failures).toEqual([expect.stringContaining("refusals")]);
  });

  it("fails after a change of the view whose version was not raised", async () => {
    edit(commands, "uint32 population = 6;", "uint32 population = 6;\n  bool fog = 30;");
    expect((await checkContracts(root)).failures).toEqual([
      expect.stringMatching(/HexView \(view\) changed .*fog.* version 2: raise it/),
    ]);
    raiseBehind("view) = {\n    version: ");
    expect((await checkContracts(root)).failures).toEqual([]);
    edit(commands, 'type: "hexhold.hex.v1.HexView"', 'type: "hexhold.hex.v1.Other"');
    expect((await checkContracts(root)).failures).toEqual([
      expect.stringContaining("its name on the wire was hexhold.hex.v1.HexView"),
    ]);
  });

  it("knows a message that has moved to another package by its type", async () => {
    const messages = "proto/hexhold/inventory/v1/commands.proto";
    const moved = messages.replace("inventory/v1", "ledger/v1");
    cpSync(path.join(root, messages), path.join(root, moved), { recursive: true });
    rmSync(path.join(root, messages));
    edit(moved, "package hexhold.inventory.v1", "package hexhold.ledger.v1");
    const text = readFileSync(path.join(root, moved), "utf8");
    const renamed = text.replaceAll("hexhold.inventory.v1.", "hexhold.ledger.v1.");
    writeFileSync(path.join(root, moved), renamed);
    expect((await checkContracts(root)).failures).toEqual([]);
    edit(moved, "string asset = 1", "bool frozen = 20;\n  string asset = 1");
    const { failures } = await checkContracts(root);
    expect(failures.join("\n")).toMatch(
      /hexhold\.ledger\.v1\.\w+ \(cmd\.inventory\..*frozen.*raise it/,
    );
  });

  it("fails when a new field is refused where older senders leave it out", async () => {
    edit(
      frames,
      "uint64 nonce = 1;",
      "uint64 nonce = 1;\n  string region = 15 [(buf.validate.field).string.min_len = 1];",
    );
    const { failures } = await checkContracts(root);
    expect(failures.join("\n")).toContain("a new field that older senders leave out is refused");
  });
});

describe("the frozen image", { timeout: 30_000 }, () => {
  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.org", ...args], {
      cwd: root,
      encoding: "utf8",
    });

  beforeEach(() => {
    writeFileSync(path.join(root, "package.json"), '{ "version": "0.1.0" }');
    git("init", "-q");
    git("add", ".");
    git("commit", "-qm", freezeSubject);
  });

  /** Another image, in the working tree. */
  async function changeImage(): Promise<void> {
    edit("proto/hexhold/hex/v1/state.proto", "// 16 bytes, the account's id.", "bool away = 9;");
    writeFileSync(path.join(root, frozenImage), await buildImage(root));
  }

  it("may be committed by a release (control)", async () => {
    expect(await checkContracts(root)).toEqual({ failures: [], notes: [] });
  });

  it("is refused when another commit changed it", async () => {
    await changeImage();
    git("commit", "-qam", "feat(hex): players may be away");
    const { failures } = await checkContracts(root);
    expect(failures).toEqual([expect.stringContaining('"feat(hex): players may be away": only')]);
  });

  it("is refused when its release has no version of its own", async () => {
    await changeImage();
    git("commit", "-qam", freezeSubject);
    const { failures } = await checkContracts(root);
    expect(failures).toEqual([expect.stringContaining("without a new version")]);
  });

  it("is looked at without its history where there is none, and the check says so", async () => {
    rmSync(path.join(root, ".git"), { recursive: true });
    const { failures, notes } = await checkContracts(root);
    expect(failures).toEqual([]);
    expect(notes).toEqual([expect.stringContaining("no git history")]);
  });
});
