/** Whether a world runs in the data directory, and whether what it needs answers. */
import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { openChannel } from "@hexhold/rpc";
import { probeExternal } from "../local-stack/external-service.ts";
import { SERVICE_NAMES } from "../local-stack/service-handle.ts";
import type { Status } from "../status-file.ts";
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
    ...(status.endpoints.admin === undefined ? [] : [slotsFinding(status)]),
  ];
  return [
    status.ready ? ok(what) : warn(what, "It is starting or stopping: hexctl status."),
    ...(await Promise.all(checks)),
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
    const { status } = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(answerMsMax) });
    if (status === 200) return ok(`${name} is healthy at ${url}`);
    return missing(`${name} is not healthy at ${url}: ${status}`, `hexctl logs ${name}`);
  } catch (error) {
    const why = (error as Error).message;
    return missing(`${name} does not answer at ${url}: ${why}`, `hexctl logs ${name}`);
  }
}

async function slotsFinding(status: Status): Promise<Finding> {
  const channel = openChannel(status.endpoints.admin ?? "", {
    token: status.adminToken ?? "",
    callTimeoutMs: answerMsMax,
  });
  try {
    const { partitions } = await channel.client(AdminService).listPartitions({});
    const stalled = partitions.filter(({ health }) => health !== "ok").map(({ slot }) => slot);
    return stalled.length === 0
      ? ok(`all ${partitions.length} slots are served`)
      : missing(`not served: ${stalled.join(", ")}`, "hexctl status, and the logs of the workers.");
  } catch (error) {
    return missing(`the admin API does not answer: ${(error as Error).message}`, "hexctl logs");
  } finally {
    channel.close();
  }
}
