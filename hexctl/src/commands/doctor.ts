import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, Option } from "commander";
import { type Finding, findingLines, ok, warn } from "../doctor/finding.ts";
import { findLeftovers, type LeftoverPlaces } from "../doctor/leftovers.ts";
import { diskFinding, memoryFinding, nodeFinding, portFindings } from "../doctor/machine.ts";
import { worldFindings } from "../doctor/running-world.ts";
import { serviceFindings } from "../doctor/services.ts";
import { outsideRoot, SERVICE_NAMES, serviceUrlsFrom } from "@hexhold/local-stack";
import { runningStatus } from "../running-status.ts";
import { readWorldConfig } from "../world-host/world-config.ts";
import type { CommandContext } from "./command-context.ts";

interface DoctorOptions {
  readonly profile: "embedded" | "cluster";
  readonly clean: boolean;
}

/** `hexctl doctor`: exit code 1 when something that is needed is missing. */
export function doctorCommand(context: CommandContext): Command {
  return new Command("doctor")
    .description("Say what is missing on this machine to run a world, and how to get it.")
    .addOption(
      new Option("--profile <profile>", "what must be there for it to start")
        .choices(["embedded", "cluster"])
        .default("embedded"),
    )
    .option("--clean", "remove what killed runs have left and no living process owns", false)
    .action((options: DoctorOptions) => doctor(context, options));
}

async function doctor(context: CommandContext, { profile, clean }: DoctorOptions): Promise<void> {
  const { checkout, dataDir, env } = context;
  const status = runningStatus(dataDir);
  const config = readWorldConfig({ checkout, env, dataDir });
  const findings: Finding[] = [
    nodeFinding(checkout),
    ...(await serviceFindings({
      checkout,
      dataDir,
      urls: serviceUrlsFrom(env),
      needed: profile === "cluster" ? SERVICE_NAMES : ["postgres"],
    })),
    memoryFinding(),
    diskFinding(dataDir),
    ...(await portFindings(
      { gateway: config.gateway.port, admin: config.router.adminPort },
      status,
    )),
    ...(await leftoverFindings(placesOf(context), clean)),
    ...(await worldFindings(dataDir, status)),
  ];
  for (const line of findings.flatMap(findingLines)) console.log(line);
  const count = findings.filter(({ state }) => state === "missing").length;
  console.log(count === 0 ? "Nothing that is needed is missing." : `Missing: ${count}.`);
  if (count > 0) context.exitCode = 1;
}

async function leftoverFindings(places: LeftoverPlaces, clean: boolean): Promise<Finding[]> {
  const leftovers = findLeftovers(places);
  if (leftovers.length === 0) return [ok("no leftovers of killed runs")];
  return Promise.all(
    leftovers.map(async ({ what, why, remove }): Promise<Finding> => {
      if (remove === undefined) return warn(what, why ?? "Left alone.");
      if (!clean) return warn(what, "hexctl doctor --clean removes it.");
      try {
        await remove();
        return ok(`removed: ${what}`);
      } catch (error) {
        return warn(what, `It could not be removed: ${(error as Error).message}`);
      }
    }),
  );
}

function placesOf({ checkout, dataDir }: CommandContext): LeftoverPlaces {
  return {
    dataDirs: [...new Set([dataDir, join(checkout, ".data")])],
    testDirs: [
      { parent: join(checkout, ".build"), name: /^test-stack-\d+$/ },
      { parent: tmpdir(), name: /^hexhold-(?:world|rebuild|start|bus)-[A-Za-z0-9]{6}$/ },
    ],
    outsideRoot,
  };
}
