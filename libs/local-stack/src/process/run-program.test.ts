import { expect, test } from "vitest";
import { runProgram } from "./run-program.ts";

const shell = (script: string) => ({
  name: "the program",
  command: "sh",
  args: ["-c", script],
  cwd: "/",
  env: process.env,
});

test("a program that ends well is no more than that", async () => {
  await expect(runProgram(shell("echo hello"))).resolves.toBeUndefined();
});

test("one that fails says how, and what it printed on either stream", async () => {
  const failing = runProgram(shell("echo begun; echo 'error: no space' >&2; exit 3"));
  await expect(failing).rejects.toThrow(/^the program failed \(exit code 3\): error: no space/);
});

test("one that is too slow, is aborted, or is not there fails by name", async () => {
  await expect(runProgram({ ...shell("exec sleep 60"), timeoutMs: 50 })).rejects.toThrow(
    /the program failed \(signal SIGKILL\)/,
  );
  const signal = AbortSignal.timeout(50);
  await expect(runProgram({ ...shell("exec sleep 60"), signal })).rejects.toThrow(
    /the program cannot be run: .*abort/,
  );
  await expect(runProgram({ ...shell(""), command: "/nowhere" })).rejects.toThrow(
    /the program cannot be run: .*ENOENT/,
  );
});
