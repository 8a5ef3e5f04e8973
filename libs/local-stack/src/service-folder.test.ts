import { chownSync, mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folderOfUser, removeDataDir, unprivilegedUser } from "./service-folder.ts";

const ourselves = { uid: process.getuid!(), gid: process.getgid!() };
let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "hexhold-folder-"));
});
afterEach(() => removeDataDir(dataDir));

describe("the folder of a service that runs as another user", () => {
  it("belongs to that user, also when a start was killed before it had given it away", () => {
    const user = unprivilegedUser() ?? ourselves;
    const folder = folderOfUser(dataDir, "postgres", user);
    expect(statSync(folder).uid).toBe(user.uid);
    chownSync(folder, ourselves.uid, ourselves.gid);
    expect(folderOfUser(dataDir, "postgres", user)).toBe(folder);
    expect(statSync(folder)).toMatchObject(user);
  });
});
