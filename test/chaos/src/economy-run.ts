/**
 * An economy of which something is killed or frozen every few seconds, until enough was done and struck. What must hold is
 * looked at all the while, as operators look, and at the end; whatever does not is a fault of the report.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { withPostgres, type World } from "@hexhold/testing";
import { randomOf, startEconomy, type Trader } from "./economy-play.ts";
import { signalTree } from "./processes.ts";

/** A frozen process is let go after longer than its connections to PostgreSQL may stand still. */
const frozenMs = 7_000;
/** Promised: so long after the last operation no step is open. */
export const settledMsMax = 60_000;
const lookEveryMs = 5_000;

export interface EconomyRunOptions {
  readonly traders: number;
  readonly seed: number;
  /** Of a trader between two operations. */
  readonly pauseMs: number;
  /** It ends when so much was done, and each victim struck as often. */
  readonly ops: number;
  readonly seconds: number;
  readonly strikesMin: number;
  readonly killEveryMs: number;
  /** Kinds of processes, one of which is killed (`worker`) or frozen (`frozen market`), and services (`rabbitmq`). */
  readonly victims: readonly string[];
  /** Says what is going on, now and then. */
  readonly say: (line: string) => void;
}

export interface EconomyReport {
  readonly ops: number;
  readonly seconds: number;
  /** Operations by their outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly strikes: Readonly<Record<string, number>>;
  readonly looks: number;
  /** Of the last look: its groups, with the rows that each compared. */
  readonly groups: readonly { readonly name: string; readonly rows: number }[];
  /** Rows compared in all looks, by group. */
  readonly rowsCompared: Readonly<Record<string, number>>;
  readonly settledMs: number;
  readonly deadlocks: number;
  readonly secondLines: number;
  /** Empty: everything held. */
  readonly faults: readonly string[];
}

interface Look {
  readonly groups: readonly { readonly name: string; readonly rows: number }[];
  readonly violations: number;
  readonly faults: readonly object[];
}

export async function runEconomy(world: World, options: EconomyRunOptions): Promise<EconomyReport> {
  const { say, victims } = options;
  const faults: string[] = [];
  const strikes = new Map(victims.map((victim) => [victim, 0]));
  const rowsCompared = new Map<string, number>();
  const play = await startEconomy(world, {
    count: options.traders,
    seed: options.seed,
    pauseMs: options.pauseMs,
  });
  const startedMs = performance.now();
  const secondsSoFar = (): number => (performance.now() - startedMs) / 1000;
  let looks = 0;
  let groups: Look["groups"] = [];
  let isPlaying = true;

  async function look(): Promise<void> {
    const seen = await lookOnce(world);
    looks++;
    groups = seen.groups;
    for (const { name, rows } of seen.groups) {
      rowsCompared.set(name, (rowsCompared.get(name) ?? 0) + rows);
    }
    if (seen.violations > 0) {
      faults.push(`${seen.violations} violations: ${JSON.stringify(seen.faults.slice(0, 3))}`);
    }
  }

  const looking = (async () => {
    while (isPlaying) {
      const begunMs = performance.now();
      await look();
      say(
        `${secondsSoFar().toFixed(0)} s: ${play.done} operations, ${looks} looks, ${faults.length} faults`,
      );
      await pause(Math.max(lookEveryMs - (performance.now() - begunMs), 0));
    }
  })();
  // A failure is for whoever waits.
  looking.catch(() => undefined);

  const order = shuffled(victims, options.seed);
  const isEnough = (): boolean =>
    play.done >= options.ops &&
    secondsSoFar() >= options.seconds &&
    [...strikes.values()].every((count) => count >= options.strikesMin);
  for (let n = 0; !isEnough() && faults.length === 0; n++) {
    await pause(options.killEveryMs);
    const victim = order(n);
    if (strike(world, victim, strikes.get(victim)!)) strikes.set(victim, strikes.get(victim)! + 1);
  }
  await play.finish();
  isPlaying = false;
  const finishedMs = performance.now();
  await looking;
  const settledMs = await untilSettled(world, finishedMs);
  if (settledMs === undefined) {
    faults.push(
      `steps are open ${settledMsMax} ms after the last operation: ${await openSteps(world)}`,
    );
  }
  await look();
  faults.push(
    ...(await ordersThatDiffer(world, play.traders)),
    ...(await offersThatDiffer(world, play.endedOffers)),
  );
  const letters = await countOf(world, "control.dead_letter");
  if (letters > 0) faults.push(`${letters} dead letters`);
  const deadlocks = linesWith(world, '"code":"40P01"');
  const secondLines = linesWith(world, '"code":"23514"');
  if (deadlocks > 0) faults.push(`${deadlocks} deadlocks`);
  if (secondLines > 0) faults.push(`${secondLines} checks of the database fired`);
  for (const { player } of play.traders) player.close();
  return {
    ops: play.done,
    seconds: Math.round((finishedMs - startedMs) / 1000),
    outcomes: Object.fromEntries([...play.outcomes].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    strikes: Object.fromEntries(strikes),
    looks,
    groups,
    rowsCompared: Object.fromEntries(rowsCompared),
    settledMs: settledMs ?? Number.NaN,
    deadlocks,
    secondLines,
    faults,
  };
}

/** All of them in a new order each time round: each is struck as often as the others. */
function shuffled(victims: readonly string[], seed: number): (n: number) => string {
  const random = randomOf(seed);
  let round: string[] = [];
  return (n) => {
    if (n % victims.length === 0) {
      const rest = [...victims];
      round = [];
      while (rest.length > 0) round.push(...rest.splice(random(rest.length), 1));
    }
    return round[n % victims.length]!;
  };
}

/** Kills or freezes one process of a kind, or a service. False: what is just being started again is left in peace. */
function strike(world: World, victim: string, nth: number): boolean {
  const { services, processes } = world.status();
  const service = services[victim];
  if (service?.pid !== undefined) {
    signalTree(service.pid, "SIGKILL");
    return true;
  }
  const kind = victim.replace("frozen ", "");
  const running = processes.filter((one) => one.kind === kind);
  const pid = running[nth % Math.max(running.length, 1)]?.pid;
  if (pid === undefined) return false;
  if (kind === victim) return signal(pid, "SIGKILL");
  setTimeout(() => signal(pid, "SIGCONT"), frozenMs);
  return signal(pid, "SIGSTOP");
}

function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    // It has died meanwhile.
    return false;
  }
}

/** `hexctl verify --economy`, as an operator runs it. PostgreSQL may be being started again: then once more. */
async function lookOnce(world: World): Promise<Look> {
  const file = path.join(world.dataDir, "economy.json");
  let output = "";
  for (let tries = 0; tries < 20; tries++) {
    const looked = await world.hexctl("verify", "--economy", "--json", file);
    ({ output } = looked);
    if (output.includes("passed")) return JSON.parse(readFileSync(file, "utf8")) as Look;
    await pause(1_000);
  }
  throw new Error(`hexctl verify --economy does not look: ${output}`);
}

/** Milliseconds since the last operation until `hexctl saga` lists nothing; undefined: it lists something for too long. */
async function untilSettled(world: World, finishedMs: number): Promise<number | undefined> {
  while (performance.now() - finishedMs < settledMsMax) {
    if ((await openSteps(world)) === "") return Math.round(performance.now() - finishedMs);
    await pause(250);
  }
  return undefined;
}

/** What `hexctl saga` lists, steps and letters that wait; empty: nothing. */
async function openSteps(world: World): Promise<string> {
  const { code, output } = await world.hexctl("saga", "--json");
  if (code !== 0) return output;
  const { steps, letters } = JSON.parse(output) as { steps: unknown[]; letters: unknown[] };
  const open = [...steps, ...letters];
  return open.length === 0 ? "" : JSON.stringify(open.slice(0, 3));
}

/** In the logs of all processes, those that died included. */
function linesWith(world: World, text: string): number {
  const folder = path.join(world.dataDir, "logs");
  return readdirSync(folder)
    .map((file) => readFileSync(path.join(folder, file), "utf8").split(text).length - 1)
    .reduce((sum, count) => sum + count, 0);
}

function rowsOf<Row extends object>(world: World, text: string): Promise<Row[]> {
  const { url } = world.status().services["postgres"]!;
  return withPostgres(url, async (client) => (await client.query<Row>(text)).rows);
}

async function countOf(world: World, table: string): Promise<number> {
  const [row] = await rowsOf<{ n: number }>(world, `SELECT count(*)::int AS n FROM ${table}`);
  return row?.n ?? 0;
}

/** Orders of which a trader was told that they are kept, and that are not there as its own; and those that nobody placed. */
async function ordersThatDiffer(world: World, traders: readonly Trader[]): Promise<string[]> {
  const rows = await rowsOf<{ id: string; account: string; book: string }>(
    world,
    `SELECT replace(order_id::text, '-', '') AS id, account_id::text AS account, book FROM market."order"`,
  );
  const stored = new Map(rows.map(({ id, account, book }) => [id, `${account} ${book}`]));
  const differing: string[] = [];
  let told = 0;
  for (const { accountId, orders } of traders) {
    for (const [id, book] of orders) {
      told++;
      if (stored.get(id) !== `${accountId} ${book}`) {
        differing.push(`order ${id} of ${accountId} in ${book}: ${stored.get(id) ?? "not there"}`);
      }
    }
  }
  if (told !== stored.size) differing.push(`${stored.size} orders are stored, ${told} were told`);
  return differing;
}

/** Offers that ended otherwise than who ended them was told. */
async function offersThatDiffer(
  world: World,
  ended: ReadonlyMap<string, string>,
): Promise<string[]> {
  const rows = await rowsOf<{ id: string; state: string }>(
    world,
    "SELECT offer_id::text AS id, state FROM inventory.offer",
  );
  const stored = new Map(rows.map(({ id, state }) => [id, state]));
  return [...ended].flatMap(([id, state]) =>
    stored.get(id) === state
      ? []
      : [`offer ${id}: told ${state}, is ${stored.get(id) ?? "not there"}`],
  );
}
