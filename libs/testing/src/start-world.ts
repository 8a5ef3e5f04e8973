/** A whole world as a child process, the way a user starts it: `hexctl start`. */
import { once } from "node:events";
import { spawn } from "node:child_process";
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { HostService } from "@hexhold/gen/hexhold/control/v1/host_pb";
import type { Client } from "@connectrpc/connect";
import { openChannel } from "@hexhold/rpc";

/** The parts of the status file that tests use. */
export interface WorldStatus {
  readonly ready: boolean;
  readonly profile: string;
  readonly pid: number;
  readonly endpoints: { readonly ws: string; readonly http: string; readonly admin: string };
  readonly adminToken: string;
  readonly services: Readonly<
    Record<
      string,
      {
        readonly url: string;
        readonly managementUrl?: string;
        readonly pid?: number;
        readonly version: string;
      }
    >
  >;
  readonly processes: readonly {
    readonly name: string;
    readonly kind: string;
    readonly pid: number;
    readonly controlUrl?: string;
    /** Gateways: where players connect. */
    readonly url?: string;
  }[];
}

export interface Player {
  readonly accountId: string;
  /** Key text of its hex. */
  readonly key: string;
  readonly token: string;
}

export interface StartWorldOptions {
  readonly profile: "embedded" | "cluster";
  /** Further flags of `hexctl start`, such as `--workers 3`. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Command that runs node, e.g. `["setpriv", "--reuid=…", "--"]`. */
  readonly before?: readonly string[];
  /** Default 120 s: a first start may build what the machine lacks. */
  readonly readyMsMax?: number;
  /** Kept from an earlier world; default: a new one, removed at `stop`. */
  readonly dataDir?: string;
}

export interface World {
  readonly dataDir: string;
  /** Milliseconds from the start to `ready`. */
  readonly readyMs: number;
  /** Address that the start printed for a guest. */
  readonly playUrl: string;
  status(): WorldStatus;
  pidOf(process: string): number;
  /** Players with tokens of `ttlS` seconds (default an hour), near the spawn cell unless `key` says where. */
  mint(count: number, key?: string, ttlS?: number): Promise<Player[]>;
  /** Gives an account goods out of nothing, as an operator does. */
  grant(accountId: string, asset: string, amount: bigint): Promise<void>;
  /** The broker, as the user of a service of a cluster: who publishes in its name must be it. */
  brokerUrl(service: string): string;
  /** Runs a command line of hexctl on this world; never rejects for its exit code. */
  hexctl(...args: string[]): Promise<{ readonly code: number; readonly output: string }>;
  /** What it has printed. */
  output(): string;
  /** Asks with SIGTERM unless told otherwise, and waits for the end; returns at once when it has ended. */
  stop(signal?: "SIGTERM" | "SIGINT"): Promise<void>;
  /** SIGKILL to the host alone. */
  killHost(): Promise<void>;
}

const root = path.resolve(import.meta.dirname, "../../..");

export async function startWorld(options: StartWorldOptions): Promise<World> {
  const dataDir = options.dataDir ?? mkdtempSync(path.join(tmpdir(), "hexhold-world-"));
  mkdirSync(dataDir, { recursive: true });
  const startedMs = performance.now();
  const [command, ...before] = [...(options.before ?? []), process.execPath];
  const child = spawn(
    command ?? process.execPath,
    [
      ...before,
      path.join(root, "hexctl/src/main.ts"),
      "start",
      "--profile",
      options.profile,
      ...(options.flags ?? []),
    ],
    {
      cwd: root,
      env: {
        ...process.env,
        HEXHOLD_DATA_DIR: dataDir,
        HEXHOLD_GATEWAY__PORT: "0",
        HEXHOLD_ROUTER__ADMIN_PORT: "0",
        ...options.env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => (output += text));
  }
  const log = createWriteStream(path.join(dataDir, "start.log"));
  // On a full disk, or in a directory that a test removes.
  log.on("error", () => child.stdout.unpipe(log).resume());
  child.stdout.pipe(log);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const statusFile = path.join(dataDir, "status.json");
  const status = (): WorldStatus => JSON.parse(readFileSync(statusFile, "utf8")) as WorldStatus;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  // A test that fails leaves nothing behind.
  const onExit = (): void => void child.kill("SIGTERM");
  process.once("exit", onExit);
  const readyMsMax = options.readyMsMax ?? 120_000;
  while (!isReady(output)) {
    if (child.exitCode !== null || performance.now() - startedMs > readyMsMax) {
      await end("SIGTERM");
      throw new Error(`the world did not start:\n${output}\n${logTails(dataDir)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return {
    dataDir,
    readyMs: performance.now() - startedMs,
    playUrl: /play\s+(\S+)/.exec(output)?.[1] ?? "",
    status,
    pidOf(name) {
      const found = status().processes.find((item) => item.name === name);
      if (found === undefined) throw new Error(`there is no process ${name}`);
      return found.pid;
    },
    mint: (count, key = "", ttlS = 3600) => mintPlayers(status(), count, key, ttlS),
    grant: (accountId, asset, amount) =>
      withHost(status(), async (host) => {
        await host.grant({ accountId, asset, amount, reason: "a test" });
      }),
    brokerUrl(service) {
      const file = path.join(dataDir, "host-secrets.json");
      const secrets = JSON.parse(readFileSync(file, "utf8")) as {
        brokerUsers: Readonly<Record<string, string>>;
        loginSuffix: string;
      };
      const url = new URL(status().services["rabbitmq"]!.url);
      url.username = `hexhold_${service}_${secrets.loginSuffix}`;
      url.password = secrets.brokerUsers[service]!;
      return url.href;
    },
    async hexctl(...args) {
      const env = { ...process.env, HEXHOLD_DATA_DIR: dataDir };
      const script = path.join(root, "hexctl/src/main.ts");
      const run = spawn(process.execPath, [script, ...args], { cwd: root, env });
      let output = "";
      for (const stream of [run.stdout, run.stderr]) {
        stream.on("data", (data: Buffer) => (output += data.toString()));
      }
      const [code] = (await once(run, "close")) as [number | null];
      return { code: code ?? -1, output };
    },
    output: () => output,
    async stop(signal = "SIGTERM") {
      await end(signal);
      process.removeListener("exit", onExit);
      if (options.dataDir === undefined) removeDataDir(dataDir);
    },
    async killHost() {
      await end("SIGKILL");
      process.removeListener("exit", onExit);
    },
  };
}

/** What still ends may put a file into a folder that was just emptied. */
const WHOLE_TREE = { recursive: true, force: true, maxRetries: 10, retryDelay: 10 } as const;

/** Removes a data directory and what its services keep elsewhere, by the links in it. */
function removeDataDir(dataDir: string): void {
  for (const entry of readdirSync(dataDir, { withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const elsewhere = path.dirname(readlinkSync(path.join(dataDir, entry.name)));
    if (/^hexhold-[0-9a-f]+$/.test(path.basename(elsewhere))) {
      rmSync(elsewhere, WHOLE_TREE);
    }
  }
  rmSync(dataDir, WHOLE_TREE);
}

function isReady(output: string): boolean {
  return /^ready/m.test(output) && /admin\s+http/.test(output);
}

async function mintPlayers(
  status: WorldStatus,
  count: number,
  key: string,
  ttlS: number,
): Promise<Player[]> {
  return withHost(status, async (host) => {
    const { players } = await host.mintPlayers({ count, key, ttlS, accountId: "" });
    return players;
  });
}

/** Calls the host of a world on a channel of its own. */
async function withHost<Result>(
  status: WorldStatus,
  call: (host: Client<typeof HostService>) => Promise<Result>,
): Promise<Result> {
  const host = status.processes.find((item) => item.kind === "host");
  if (host?.controlUrl === undefined) throw new Error("the host has no control URL yet");
  const channel = openChannel(host.controlUrl, { token: status.adminToken, callTimeoutMs: 60_000 });
  try {
    return await call(channel.client(HostService));
  } finally {
    channel.close();
  }
}

/** The last lines of every log, for a failure's message. */
export function logTails(dataDir: string): string {
  const names = [
    "router-1",
    "worker-1",
    "accounts-1",
    "inventory-1",
    "market-1",
    "governance-1",
    "chat-1",
    "gateway-1",
    "host",
  ];
  return names
    .map((name) => path.join(dataDir, "logs", `${name}.log`))
    .filter(existsSync)
    .map(
      (file) =>
        `--- ${path.basename(file)}\n${readFileSync(file, "utf8").split("\n").slice(-8).join("\n")}`,
    )
    .join("\n");
}
