import { execFile } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { readIfThere } from "@hexhold/config";
import { isExecutable } from "./find-binary.ts";
import { notHere, type NotHere } from "./resolution.ts";

const run = promisify(execFile);

const POLICY_FILE = "/usr/sbin/policy-rc.d";
/** Exit 101 = "action not allowed": the packages' scripts then start nothing system-wide. */
const POLICY = "#!/bin/sh\n# Written by hexctl for the time of one installation.\nexit 101\n";
const INSTALL_TIMEOUT_MS = 300_000;

let updated = false;
let lastInstall: Promise<unknown> = Promise.resolve();

/**
 * Installs Debian packages, or says why not. Only as root, where there is `apt-get`, and when
 * asked: `install` is the `--install` flag or a yes at the prompt; `CI=true` counts as one.
 * Installations run one after another, because dpkg has one lock.
 */
export async function installPackages(
  packages: readonly string[],
  install: boolean,
): Promise<"installed" | NotHere> {
  if (!isExecutable("/usr/bin/apt-get")) {
    return notHere("no apt-get here");
  }
  if (!install && process.env["CI"] !== "true") {
    return notHere(`not asked to install (--install would install ${packages.join(", ")})`);
  }
  if (process.getuid?.() !== 0) {
    return notHere("apt-get needs root");
  }
  const mine = lastInstall.then(() => installNow(packages));
  lastInstall = mine.catch(() => undefined);
  return await mine;
}

async function installNow(packages: readonly string[]): Promise<"installed" | NotHere> {
  const hadPolicy = ![undefined, POLICY].includes(readIfThere(POLICY_FILE));
  if (!hadPolicy) {
    writeFileSync(POLICY_FILE, POLICY, { mode: 0o755 });
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    if (!updated) {
      await run("apt-get", ["update", "-qq"], { env, timeout: INSTALL_TIMEOUT_MS });
      updated = true;
    }
    await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], {
      env,
      timeout: INSTALL_TIMEOUT_MS,
      maxBuffer: 16 * 1024 * 1024,
    });
    return "installed";
  } catch (error) {
    const detail = error instanceof Error ? error.message.trim().slice(-400) : String(error);
    return notHere(`apt-get failed: ${detail}`);
  } finally {
    if (!hadPolicy) {
      rmSync(POLICY_FILE, { force: true });
    }
  }
}
