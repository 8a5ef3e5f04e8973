/**
 * `npm run chaos -- --economy`: the long form of what `npm test` runs for twenty seconds. The last line is
 * `N passed, N failed`; the exit code says whether everything held.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { machineOf, startWorld } from "@hexhold/testing";
import { landOptions } from "./land-play.ts";
import { type EconomyReport, runEconomy, settledMsMax } from "./economy-run.ts";

const usage = `npm run chaos -- --economy [--ops 100000] [--traders 100] [--seed 7] [--kill-every 3] [--json FILE]

  Starts a cluster of 3 workers, 2 gateways and 2 of each domain service, in which accounts gather, give, plan, trade and
  walk in a seeded mix, while every few seconds a process or service is killed, or an inventory or market frozen for longer
  than its connections may stand still. hexctl verify --economy looks every five seconds. It ends when so many operations
  were done and each kind was struck five times.`;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values, fault } = readFlags();
  if (values === undefined) {
    console.error(`${fault}\n\n${usage}`);
    return 1;
  }
  const world = await startWorld({
    profile: "cluster",
    flags: ["--workers", "3", "--gateways", "2", "--domains", "2"],
    env: {
      HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "100000000",
      HEXHOLD_GATEWAY__NEWCOMERS_PER_ADDRESS_MAX: "100000",
      ...landOptions,
    },
  });
  try {
    const kinds = new Set(world.status().processes.map(({ kind }) => kind));
    kinds.delete("host");
    const report = await runEconomy(world, {
      ...values,
      pauseMs: 20,
      seconds: 0,
      strikesMin: 5,
      victims: [...kinds, "frozen inventory", "frozen market", "rabbitmq", "postgres"],
      say: (line) => console.log(line),
    });
    if (values.json !== undefined) {
      const { traders, seed } = values;
      const result = { machine: machineOf(), traders, seed, ...report };
      writeFileSync(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
    }
    for (const line of linesOf(report)) console.log(line);
    return report.faults.length === 0 ? 0 : 1;
  } finally {
    await world.stop();
  }
}

interface Values {
  readonly ops: number;
  readonly traders: number;
  readonly seed: number;
  readonly killEveryMs: number;
  readonly json: string | undefined;
}

function readFlags(): { readonly values?: Values; readonly fault?: string } {
  try {
    const { values } = parseArgs({
      options: {
        economy: { type: "boolean", default: false },
        ops: { type: "string", default: "100000" },
        traders: { type: "string", default: "100" },
        seed: { type: "string", default: "7" },
        "kill-every": { type: "string", default: "3" },
        json: { type: "string" },
      },
    });
    if (!values.economy) return { fault: "Say what is to be tried: --economy." };
    const whole = (name: string, text: string, most: number): number => {
      const number = Number(text);
      if (Number.isInteger(number) && number >= 1 && number <= most) return number;
      throw new Error(`--${name} ${text}: expected a whole number from 1 to ${most}`);
    };
    return {
      values: {
        ops: whole("ops", values.ops, 1e9),
        traders: whole("traders", values.traders, 1_000),
        seed: whole("seed", values.seed, 2 ** 31),
        killEveryMs: whole("kill-every", values["kill-every"], 3_600) * 1_000,
        json: values.json,
      },
    };
  } catch (error) {
    return { fault: (error as Error).message };
  }
}

function linesOf(report: EconomyReport): string[] {
  const { ops, seconds, strikes, looks, rowsCompared, settledMs, faults } = report;
  const text = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ");
  return [
    `operations: ${ops} in ${seconds} s`,
    `struck: ${text(strikes)}`,
    `looks: ${looks}; rows compared: ${text(rowsCompared)}`,
    `no step open ${settledMs} ms after the last operation (promised ${settledMsMax})`,
    `deadlocks ${report.deadlocks}, second lines ${report.secondLines}`,
    ...faults.map((fault) => `FAULT ${fault}`),
    faults.length === 0 ? "1 passed, 0 failed" : "0 passed, 1 failed",
  ];
}
