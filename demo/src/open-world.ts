/** The world in which the bots play: one that is started for it, or one that runs already. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { startWorld, type WorldStatus } from "@hexhold/testing";
import { economyEnv } from "./economy/economy-world.ts";
import type { DemoOptions } from "./demo-options.ts";

export interface DemoWorld {
  /** False: it runs for others too, and must go on as it is. */
  readonly isOurs: boolean;
  readonly dataDir: string;
  /** As of now: pids change. Throws when the status file is gone. */
  status(): WorldStatus;
  /** Stops what was started here. Idempotent. */
  stop(): Promise<void>;
}

const root = path.resolve(import.meta.dirname, "../..");
const authLimit = "HEXHOLD_GATEWAY__AUTH_PER_ADDRESS_PER_MIN";
/** Registration, logout, and some refreshes while players are brought into the world. */
const authCallsPerBot = 4;
const authCallsMin = 60;

/**
 * Starts a world, or attaches to one. A world that is started lives in a temporary folder that is removed at
 * the end, or in HEXHOLD_DATA_DIR, which is kept. All bots have one address: it may call AuthService as often
 * as they need to.
 */
export async function openWorld(
  options: DemoOptions,
  env: Readonly<Record<string, string | undefined>>,
): Promise<DemoWorld> {
  const dataDir = env["HEXHOLD_DATA_DIR"];
  if (options.attach !== false) {
    const file =
      options.attach === true
        ? path.resolve(dataDir ?? path.join(root, ".data"), "status.json")
        : path.resolve(options.attach);
    return attached(file);
  }
  const { profile, workers, gateways, routers, bots, install, economy } = options;
  const world = await startWorld({
    profile,
    flags: [
      ...(profile === "cluster"
        ? ["--workers", `${workers}`, "--gateways", `${gateways}`, "--routers", `${routers}`]
        : []),
      ...(install ? ["--install"] : []),
    ],
    env: {
      ...(env[authLimit] === undefined
        ? { [authLimit]: String(Math.max(authCallsMin, bots * authCallsPerBot)) }
        : {}),
      ...(economy ? economyEnv : {}),
    },
    // A first start may have to build or install what is missing.
    readyMsMax: 600_000,
    ...(dataDir === undefined ? {} : { dataDir: path.resolve(dataDir) }),
  });
  return {
    isOurs: true,
    dataDir: world.dataDir,
    status: () => world.status(),
    stop: () => world.stop(),
  };
}

function attached(file: string): DemoWorld {
  const status = (): WorldStatus => JSON.parse(readFileSync(file, "utf8")) as WorldStatus;
  let ready: boolean;
  try {
    ({ ready } = status());
  } catch (error) {
    throw new Error(
      `--attach: no world runs by ${file}; start one with npm start, or leave --attach away`,
      { cause: error },
    );
  }
  if (!ready) throw new Error(`--attach: the world of ${file} is not ready yet; wait for "ready"`);
  return { isOurs: false, dataDir: path.dirname(file), status, stop: () => Promise.resolve() };
}
