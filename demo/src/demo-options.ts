/** The command line of the demo. */
import { Command, InvalidArgumentError, Option } from "commander";
import { parseDuration } from "./parse-duration.ts";
import { type FaultKind, isService, parseFault, type PlannedFault } from "./planned-fault.ts";

export interface DemoOptions {
  readonly profile: "embedded" | "cluster";
  readonly workers: number;
  readonly gateways: number;
  readonly routers: number;
  readonly bots: number;
  /** How long all bots play. */
  readonly forMs: number;
  /** Steps a second of each bot. */
  readonly pace: number;
  readonly seed: number;
  /** In the order of their times. */
  readonly faults: readonly PlannedFault[];
  /** A running world: its status file, or true for that of the data directory. False: one is started. */
  readonly attach: string | boolean;
  /** Where the result goes; undefined: nowhere. */
  readonly json: string | undefined;
  /** Bots trade, build and vote, in a world that is made for it. */
  readonly economy: boolean;
  /** Where the picture of the economy goes; undefined: nowhere. */
  readonly svg: string | undefined;
  readonly install: boolean;
}

interface Flags extends Omit<DemoOptions, "forMs" | "faults" | "json" | "svg"> {
  readonly for: number;
  readonly kill: readonly PlannedFault[];
  readonly freeze: readonly PlannedFault[];
  readonly json?: string;
  readonly svg?: string;
}

/** More than these ask for another machine, or for a load generator. */
const botsMax = 1000;
const paceMax = 20;
const forMsMax = 3_600_000;
const processesMax = 16;

/**
 * Reads the arguments behind the program's name. Throws a CommanderError, after it has printed what is wrong
 * and what would be right, and an Error for flags that do not go together.
 */
export function readDemoOptions(args: readonly string[]): DemoOptions {
  const command = new Command("demo")
    .description(
      "Start a world, let bots play in it, break parts of it if asked to, and check what must hold.",
    )
    .addOption(
      new Option("--profile <profile>", "one process, or one per service on four real services")
        .choices(["embedded", "cluster"])
        .default("embedded"),
    )
    .option("--workers <number>", "cluster: how many", whole(processesMax), 1)
    .option("--gateways <number>", "cluster: how many", whole(processesMax), 1)
    .option("--routers <number>", "cluster: how many", whole(processesMax), 1)
    .option("--bots <number>", `players, at most ${botsMax}`, whole(botsMax), 20)
    .option("--for <duration>", "how long all bots play, such as 60s or 2m", duration, 30_000)
    .option("--pace <number>", "steps a second of each bot", whole(paceMax), 4)
    .option("--seed <number>", "of the bots' behaviour", whole(2 ** 31), 1)
    .option("--kill <what=when>", "SIGKILL, such as worker=5s; repeatable", faultOf("kill"), [])
    .option(
      "--freeze <what=when>",
      "SIGSTOP for 10 s, such as worker-2=5s; repeatable",
      faultOf("freeze"),
      [],
    )
    .option(
      "--attach [status-file]",
      "play in the world that runs already; default: that of the data directory",
      false,
    )
    .option("--economy", "bots with a calling each: they trade, build and hold elections", false)
    .option("--json <file>", "write the result there")
    .option("--svg <file>", "with --economy: draw prices, levels and faults there")
    .option("--install", "install missing system packages (apt-get, as root)", false)
    .allowExcessArguments(false)
    .showHelpAfterError("(demo -- --help shows all flags)")
    .exitOverride();
  command.parse([...args], { from: "user" });
  const { for: forMs, kill, freeze, json, svg, ...rest } = command.opts<Flags>();
  const faults = [...kill, ...freeze].toSorted((a, b) => a.atMs - b.atMs);
  const options: DemoOptions = { ...rest, forMs, faults, json, svg };
  checkTogether(options);
  return options;
}

function checkTogether({
  profile,
  workers,
  gateways,
  routers,
  faults,
  forMs,
  attach,
  economy,
  svg,
}: DemoOptions) {
  if (svg !== undefined && !economy) {
    throw new Error("--svg draws what an economy came to; add --economy");
  }
  if (attach === false && profile === "embedded") {
    if (workers + gateways + routers > 3) {
      throw new Error("Several workers, gateways or routers need --profile cluster.");
    }
    const fault = faults.find(({ target }) => target !== "postgres");
    if (fault !== undefined) {
      const why = isService(fault.target) ? "does not use it" : "is one process";
      throw new Error(
        `--${fault.kind} ${fault.target}: a world of the profile embedded ${why}; add --profile cluster`,
      );
    }
  }
  const late = faults.find(({ atMs }) => atMs >= forMs);
  if (late !== undefined) {
    throw new Error(
      `--${late.kind} ${late.target}=${late.atMs / 1000}s comes after the end: bots play for ${forMs / 1000} s (--for)`,
    );
  }
}

function whole(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= 1 && value <= max) return value;
    throw new InvalidArgumentError(`"${text}" is no whole number from 1 to ${max}`);
  };
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1000 && ms <= forMsMax) return ms;
  throw new InvalidArgumentError(`"${text}" is no time from 1s to 1h, such as 60s or 2m`);
}

function faultOf(kind: FaultKind) {
  return (text: string, before: readonly PlannedFault[]): PlannedFault[] => {
    try {
      return [...before, parseFault(kind, text)];
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
}
