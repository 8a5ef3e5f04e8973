/** What is wrong with a running world, in words for `hexctl status` and `hexctl doctor`. */
import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { openChannel } from "@hexhold/rpc";
import type { Status } from "./status-file.ts";

export interface WorldWarning {
  readonly what: string;
  readonly todo: string;
  /** Players are not served, or soon will not be. */
  readonly urgent: boolean;
}

const callTimeoutMs = 3000;

/** Urgent ones first. Never rejects: a router that does not answer is a warning. */
export async function readWarnings(status: Status): Promise<readonly WorldWarning[]> {
  const failing = (status.failing ?? []).map(({ name, deaths, reason }) => ({
    what: `${name} keeps ending (${deaths} ${deaths === 1 ? "time" : "times"} in a row): ${reason}`,
    todo: `correct it; ${name} is started again and again meanwhile (hexctl logs ${name})`,
    urgent: true,
  }));
  if (status.endpoints.admin === undefined) return failing;
  const channel = openChannel(status.endpoints.admin, {
    token: status.adminToken ?? "",
    callTimeoutMs,
  });
  try {
    const { warnings } = await channel.client(AdminService).listWarnings({});
    return [...failing, ...warnings.map(({ what, todo, urgent }) => ({ what, todo, urgent }))];
  } catch (error) {
    const what = `no router answers operators: ${(error as Error).message}`;
    return [...failing, { what, todo: "hexctl logs router-1", urgent: true }];
  } finally {
    channel.close();
  }
}

/** Two lines each. */
export function warningLines(warnings: readonly WorldWarning[]): string[] {
  return warnings.flatMap(({ what, todo, urgent }) => [
    `  ${urgent ? "!!" : "! "} ${what}`,
    `       ${todo}`,
  ]);
}
