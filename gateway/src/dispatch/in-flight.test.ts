import fc from "fast-check";
import { expect, it } from "vitest";
import { InFlight } from "./in-flight.ts";
import type { PendingCommand } from "./pending-command.ts";

const commandOf = (eventText: string) => ({ eventText }) as PendingCommand;

it("holds what a map of commands would hold, whatever comes and goes", () => {
  const ids = fc.constantFrom("a", "b", "c", "d", "e");
  const steps = fc.array(fc.tuple(fc.boolean(), ids), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (taken) => {
      const inFlight = new InFlight();
      const model = new Map<string, PendingCommand>();
      for (const [comes, id] of taken) {
        if (!comes) {
          inFlight.delete(id);
          model.delete(id);
        } else if (!model.has(id)) {
          // An event id is minted for each send: none comes twice.
          const command = commandOf(id);
          inFlight.add(command);
          model.set(id, command);
        }
        expect(inFlight.size).toBe(model.size);
        for (const known of ["a", "b", "c", "d", "e"]) {
          expect(inFlight.get(known)).toBe(model.get(known));
        }
        expect(new Set(inFlight)).toEqual(new Set(model.values()));
      }
    }),
  );
});
