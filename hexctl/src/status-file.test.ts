import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readStatus, removeStatus, writeStatus, type Status } from "./status-file.ts";

const STATUS: Status = {
  format: 1,
  ready: true,
  profile: "embedded",
  startedAt: "2026-11-22T17:00:00.000Z",
  pid: 4711,
  endpoints: { ws: "ws://127.0.0.1:7600", http: "http://127.0.0.1:7600" },
  sql: {},
  services: { postgres: { url: "postgres://…", pid: 4712, version: "PostgreSQL 15.20" } },
  processes: [],
};

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hexhold-status-"));
  file = join(folder, "status.json");
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("the status file", () => {
  it("is read as it was written", () => {
    writeStatus(file, STATUS);
    expect(readStatus(file)).toEqual(STATUS);
  });

  it("is readable by its owner only, and leaves no draft behind", () => {
    writeStatus(file, STATUS);
    writeStatus(file, { ...STATUS, ready: false });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["status.json"]);
  });

  it("is nothing when missing, before and after a clean stop", () => {
    expect(readStatus(file)).toBeUndefined();
    writeStatus(file, STATUS);
    removeStatus(file);
    removeStatus(file);
    expect(readStatus(file)).toBeUndefined();
  });

  it.each([
    ["of another format", JSON.stringify({ ...STATUS, format: 2 })],
    ["half written by a foreign hand", '{"format": 1,'],
  ])("is refused when it is %s", (_, text) => {
    writeFileSync(file, text);
    expect(() => readStatus(file)).toThrow(/is damaged, or of another version of hexctl/);
  });

  it("is never written with something missing", () => {
    const { pid: _, ...rest } = STATUS;
    expect(() => writeStatus(file, rest as Status)).toThrow(/pid/);
    expect(readdirSync(folder)).toEqual([]);
  });
});
