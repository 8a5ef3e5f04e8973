/** Whether a world runs in the data directory, and whether what it needs answers. */
import { probeExternal, SERVICE_NAMES } from "@hexhold/local-stack";
import type { Status } from "../status-file.ts";
import { readWarnings } from "../warnings.ts";
import { type Finding, missing, ok, warn } from "./finding.ts";

const answerMsMax = 3000;

/** @param status of the world that runs; undefined = none does. */
export async function worldFindings(
  dataDir: string,
  status: Status | undefined,
): Promise<Finding[]> {
  if (status === undefined) return [ok(`no world runs in ${dataDir}`)];
  const what = `a world runs in ${dataDir}: ${status.profile}, pid ${status.pid}`;
  const checks = [
    ...SERVICE_NAMES.flatMap((name) => {
      const url = status.services[name]?.url;
      return url === undefined ? [] : [serviceFinding(name, url)];
    }),
    ...status.processes.flatMap(({ name, controlUrl, url }) =>
      [controlUrl, url].flatMap((each) => (each === undefined ? [] : [healthFinding(name, each)])),
    ),
  ];
  return [
    status.ready ? ok(what) : warn(what, "It is starting or stopping: hexctl status."),
    ...(await Promise.all(checks)),
    ...(await warningFindings(status)),
  ];
}

async function serviceFinding(name: (typeof SERVICE_NAMES)[number], url: string): Promise<Finding> {
  try {
    return ok(`${name} answers: ${(await probeExternal(name, url)).version}`);
  } catch (error) {
    return missing(
      `${name} of the running world does not answer`,
      `hexctl logs ${name}. ${(error as Error).message}`,
    );
  }
}

async function healthFinding(name: string, url: string): Promise<Finding> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(answerMsMax) });
    const text = await response.text();
    if (response.status === 200) return ok(`${name} is healthy at ${url}`);
    return missing(`${name} is not ready at ${url}: ${text.trim()}`, `hexctl logs ${name}`);
  } catch (error) {
    const why = (error as Error).message;
    return missing(`${name} does not answer at ${url}: ${why}`, `hexctl logs ${name}`);
  }
}

/** Urgent ones are missing, the others only said. */
async function warningFindings(status: Status): Promise<Finding[]> {
  const warnings = await readWarnings(status);
  if (warnings.length === 0) return [ok("nothing waits for an operator, and all slots are served")];
  return warnings.map(({ what, todo, urgent }) =>
    urgent ? missing(what, todo) : warn(what, todo),
  );
}
