/** A data directory as other processes see it: of other users, in other pid namespaces, without descriptors. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DataDirInUse, lockOwner, openDataDir } from "./data-dir.ts";

let folder: string;
const children: ChildProcess[] = [];

/** A process that opens the directory, says so, and waits; or says why it could not. */
const owner = `
  import { openDataDir, lockOwner } from ${JSON.stringify(join(import.meta.dirname, "data-dir.ts"))};
  import { identityOf } from ${JSON.stringify(join(import.meta.dirname, "process/process-identity.ts"))};
  import { openSync } from "node:fs";
  const [folder, task] = process.argv.slice(-2);
  const attempt = (work) => { try { work(); console.log("concluded"); } catch (error) { console.log(error.name, error.message); } };
  if (task === "starve") {
    lockOwner(folder); identityOf(process.pid);
    try { for (;;) openSync("/dev/null", "r"); } catch {}
    attempt(() => lockOwner(folder));
    attempt(() => identityOf(process.pid));
    process.exit();
  }
  try { await openDataDir(folder); console.log("open"); setInterval(() => {}, 1000); }
  catch (error) { console.log(\`\${error.name}: \${error.message}\`); process.exit(); }
`;

function runOwner(before: readonly string[] = [], task = "open"): ChildProcess {
  const [command, ...args] = [
    ...before,
    process.execPath,
    "--input-type=module",
    "--eval",
    owner,
    folder,
    task,
  ];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return child;
}

async function startOwner(before: readonly string[] = []): Promise<ChildProcess> {
  const child = runOwner(before);
  const said = await new Promise((resolve) => child.stdout?.once("data", resolve));
  expect(String(said)).toBe("open\n");
  return child;
}

async function outputOf(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.on("data", (more) => (text += String(more)));
  await new Promise((resolve) => child.once("close", resolve));
  return text;
}

/** Root on Linux, and not in a container that forbids it. */
function mayUnshare(): boolean {
  return (
    spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"], { stdio: "ignore" })
      .status === 0
  );
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hexhold-data-"));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

describe("a data directory", () => {
  it("of a living host is seen as such whatever the lock file says", async () => {
    const host = await startOwner();
    for (const note of ["", "{", '{"pid":1,"startedAt":"00000000:1"}', `{"pid":${process.pid}}`]) {
      writeFileSync(join(folder, "lock"), note);
      await expect(openDataDir(folder)).rejects.toThrow(DataDirInUse);
      expect(lockOwner(folder)).toMatchObject({ identity: undefined });
    }
    host.kill("SIGKILL");
    await new Promise((resolve) => host.once("exit", resolve));
    expect(lockOwner(folder)).toBeUndefined();
    (await openDataDir(folder)).close();
  });

  it.runIf(mayUnshare())(
    "is seen from another pid namespace, and the other way round",
    async () => {
      const inside = await startOwner([
        "unshare",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
      ]);
      await expect(openDataDir(folder)).rejects.toThrow(/another container or pid namespace/);
      inside.kill("SIGKILL");
      await new Promise((resolve) => inside.once("exit", resolve));
      await expect.poll(() => lockOwner(folder)).toBeUndefined();
      const mine = await openDataDir(folder);
      const refused = runOwner(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]);
      expect(await outputOf(refused)).toMatch(/DataDirInUse: Hexhold already runs in/);
      const lost = runOwner(["unshare", "--pid", "--fork", "--kill-child"]);
      expect(await outputOf(lost)).toMatch(/DataDirInUse: .*not seen from here/);
      mine.close();
      // Every pid in its /proc is a stranger's: it may not end one by mistake.
      const blind = runOwner(["unshare", "--pid", "--fork", "--kill-child"]);
      expect(await outputOf(blind)).toMatch(/mounted for another pid namespace/);
    },
  );

  it.runIf(process.getuid?.() === 0)("of another user is an error by name, not free", async () => {
    (await openDataDir(folder)).close();
    chmodSync(folder, 0o755);
    const asNobody = runOwner(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    expect(await outputOf(asNobody)).toMatch(
      /DataDirUnusable: .*this user may not \(EACCES\); it belongs to uid 0, and this is uid 65534/,
    );
  });

  it("concludes nothing when no descriptor is left: neither free nor in use", async () => {
    const host = await startOwner();
    const starved = runOwner(["prlimit", "--nofile=40", "--"], "starve");
    expect(await outputOf(starved)).toMatch(
      /LockUnknown .*no descriptor left \(EMFILE\).*ProcessUnknown .*EMFILE/s,
    );
    host.kill("SIGKILL");
  });
});
