import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Ends the log of a private broker's quorum queues, as a write does for which nothing is free: on a full disk its
 * supervisors give up within a second. It may have ended by itself. Throws when it does not end.
 *
 * @param pid of the broker
 */
export function endQuorumLog(pid: number): void {
  const variables = readFileSync(`/proc/${pid}/environ`, "utf8")
    .split("\0")
    .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]);
  const {
    HOME: home,
    ERL_EPMD_PORT: epmdPort,
    RABBITMQ_NODENAME: node,
  } = Object.fromEntries(variables) as Record<string, string>;
  const cookie = readFileSync(join(home!, ".erlang.cookie"), "utf8");
  const call = join(dirname(readlinkSync(`/proc/${pid}/exe`)), "erl_call");
  const said = execFileSync(call, ["-sname", node!, "-c", cookie, "-e"], {
    env: { HOME: home, ERL_EPMD_PORT: epmdPort },
    // A queue that is started again meanwhile waits for the log, and its supervisors for it: for 25 s (ra 2.2).
    input:
      "catch exit(whereis(ra_log_meta), kill), catch exit(whereis('%2F_cmd.p0'), kill), timer:sleep(1500), whereis(ra_log_wal).\n",
    encoding: "utf8",
  });
  if (!said.includes("{ok, undefined}")) throw new Error(`the log has not ended: ${said}`);
}
