import { unsentOf } from "@hexhold/postgres";
import type { Command } from "../actor/command.ts";
import { commandBindings } from "./command-bindings.ts";
import type { Round } from "./round.ts";
import type { SlotPorts } from "./slot-ports.ts";
import type { SlotStore } from "./slot-store.ts";

/**
 * Drops what no commit of this database has sent: its sender lived in a moment that the database has not seen, and
 * nobody waits for an answer (ADR 17). Asks again in each new life of the database, as a message may outlive one.
 * Throws what the store throws.
 */
export async function dropUnsent(
  todo: Command[],
  round: Round,
  slot: string,
  store: Pick<SlotStore, "run" | "life">,
  { logger, metrics }: Pick<SlotPorts, "logger" | "metrics">,
): Promise<Command[]> {
  const { origin } = round;
  const { life } = store;
  if (origin === undefined || round.provedIn === life) return todo;
  const { places } = origin;
  const sent = todo.flatMap((command) => places.get(command) ?? []);
  const unsent =
    origin.life === life
      ? new Set<bigint>()
      : await store.run((client) => unsentOf(client, origin.life, "hex", sent));
  round.provedIn = life;
  return todo.filter((command) => {
    const place = places.get(command);
    if (place === undefined || !unsent.has(place.position)) return true;
    metrics.alarms.inc({ alarm: "unsent-command" });
    logger.warn(
      { ...commandBindings(slot, command.envelope), from: place.slot },
      "a command of a moment that PostgreSQL has not seen was dropped",
    );
    return false;
  });
}
