import type { Connection } from "./connection.ts";

/**
 * A peer that has said nothing for so long, not even the pong that every WebSocket gives by itself, is gone: its
 * machine sleeps, or its network has let it down. Clients of ours ping every 5 s.
 */
const everyMsDefault = 20_000;

/**
 * Pings every connection, and ends those that were silent since the last ping. Without it a peer that went
 * without a word would hold its session, and its place among `socketsMax`, for ever. Returns its end.
 */
export function startHeartbeat(
  connections: Iterable<Pick<Connection, "beat">>,
  everyMs: number = everyMsDefault,
): () => void {
  const timer = setInterval(() => {
    // Behind what has come meanwhile: a process that stood still must not take its own silence for theirs.
    setImmediate(() => {
      for (const connection of connections) connection.beat();
    });
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
