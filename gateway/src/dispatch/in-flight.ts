import type { PendingCommand } from "./pending-command.ts";

/**
 * Commands on their way, by the text of their event id.
 *
 * The map holds numbers and no commands: things come into it and go out of it all the time, so V8 gives it a
 * new table many times a second, and each table points to the one after it. As soon as one of them is old to
 * the collector, all later ones live until the next full collection, with what was in them.
 */
export class InFlight {
  readonly #places = new Map<string, number>();
  readonly #commands: (PendingCommand | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.size;
  }

  add(command: PendingCommand): void {
    const place = this.#free.pop() ?? this.#commands.length;
    this.#commands[place] = command;
    this.#places.set(command.eventText, place);
  }

  get(eventText: string): PendingCommand | undefined {
    const place = this.#places.get(eventText);
    return place === undefined ? undefined : this.#commands[place];
  }

  /** Does nothing when it is not there. */
  delete(eventText: string): void {
    const place = this.#places.get(eventText);
    if (place === undefined) return;
    this.#places.delete(eventText);
    this.#commands[place] = undefined;
    this.#free.push(place);
  }

  [Symbol.iterator](): Iterator<PendingCommand> {
    return this.#commands.filter((command) => command !== undefined).values();
  }
}
