import { connect } from "node:net";
import { hostOf } from "@hexhold/config";
import { ProcessService } from "@hexhold/gen/hexhold/control/v1/process_pb";
import { openChannel } from "@hexhold/rpc";

export interface ProbedProcess {
  readonly controlUrl: string;
  readonly incarnation: string;
}

/**
 * Whether a process lives, judged from its control port: *dead* when the port refuses, or another
 * process answers on it; *alive* when it takes a connection; *unknown* when nothing comes back, which is
 * what a machine that is frozen or cut off looks like. Takes at most twice `timeoutMs`. A hasty *dead*
 * costs a take-over and nothing else.
 */
export async function probeProcess(
  target: ProbedProcess,
  token: string | undefined,
  timeoutMs: number,
): Promise<"dead" | "alive" | "unknown"> {
  const url = parse(target.controlUrl);
  if (url === undefined) return "unknown";
  const reached = await reach(url, timeoutMs);
  if (reached !== "alive") return reached;
  const channel = openChannel(target.controlUrl, {
    callTimeoutMs: timeoutMs,
    ...(token === undefined ? {} : { token }),
  });
  try {
    const { incarnation } = await channel.client(ProcessService).inspect({});
    return incarnation.toLowerCase() === target.incarnation ? "alive" : "dead";
  } catch {
    return "alive";
  } finally {
    channel.close();
  }
}

function parse(text: string): URL | undefined {
  const url = URL.parse(text);
  return url === null || url.port === "" ? undefined : url;
}

function reach(url: URL, timeoutMs: number): Promise<"dead" | "alive" | "unknown"> {
  return new Promise((resolve) => {
    const socket = connect({ host: hostOf(url), port: Number(url.port) });
    const timer = setTimeout(() => end("unknown"), timeoutMs);
    function end(verdict: "dead" | "alive" | "unknown"): void {
      clearTimeout(timer);
      socket.destroy();
      resolve(verdict);
    }
    socket.once("connect", () => end("alive"));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      end(error.code === "ECONNREFUSED" ? "dead" : "unknown"),
    );
  });
}
