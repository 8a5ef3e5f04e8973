/**
 * Players by the SDK, in a process of their own so that its clock can be set. Arguments: a file with
 * `{ url, players: [{ token, key }] }`. Prints a line of JSON a second: what has happened since the line before.
 */
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { type Client, createClient } from "@hexhold/client";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { createReferencePlayer } from "@hexhold/reference-client";

export interface ClockOrder {
  readonly url: string;
  readonly players: readonly { readonly token: string }[];
}

export interface ClockReport {
  /** Of this process, which a test sets. */
  readonly dateMs: number;
  /** What the first client takes for the server's time. */
  readonly serverMs: number;
  readonly done: number;
  /** Since a player last got an answer that was no error, the longest. */
  readonly waitMs: number;
  /** Final errors. */
  readonly errors: readonly string[];
  readonly online: number;
}

const betweenMs = 300;
const [file = ""] = process.argv.slice(2);
const order = JSON.parse(readFileSync(file, "utf8")) as ClockOrder;
let done = 0;
let errors: string[] = [];
const answeredMs: number[] = [];

async function play(client: Client, at: number): Promise<void> {
  const player = createReferencePlayer(client);
  const note = (outcome: { outcome: string; errorCode?: string; reason?: string }): void => {
    if (outcome.outcome === "error") errors.push(`${outcome.errorCode}: ${outcome.reason}`);
    else {
      done++;
      answeredMs[at] = performance.now();
    }
  };
  answeredMs[at] = performance.now();
  note(await player.enter());
  for (;;) {
    note(await player.gather(Resource.WOOD, 1n));
    await pause(betweenMs);
  }
}

const clients = order.players.map(({ token }) => createClient({ url: order.url, token }));
for (const [at, client] of clients.entries()) {
  client.ready
    .then(() => play(client, at))
    .catch((error: unknown) => errors.push(`player ${at}: ${String(error)}`));
}
setInterval(() => {
  const report: ClockReport = {
    dateMs: Date.now(),
    serverMs: clients[0]?.serverNow() ?? 0,
    done,
    waitMs: Math.round(performance.now() - Math.min(...answeredMs)),
    errors,
    online: clients.filter(({ state }) => state.mode === "online").length,
  };
  console.log(JSON.stringify(report));
  done = 0;
  errors = [];
}, 1000);
