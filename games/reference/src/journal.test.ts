import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fromBinary, getOption, hasOption, type Message, toBinary } from "@bufbuild/protobuf";
import { contract } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { expect, it } from "vitest";
import { createGame } from "./index.ts";

interface StoredHex {
  readonly hexId: string;
  /** `type payload`, as the journal has them. */
  readonly events: readonly string[];
  readonly durableSha256: string;
}

/** What release 0.2.0 wrote of three hexes among which players walked, with each event that it had. */
const stored = JSON.parse(
  readFileSync(new URL("../test/journal-0.2.0.json", import.meta.url), "utf8"),
) as readonly StoredHex[];

it("folds a journal of release 0.2.0 to the state that it had then", () => {
  const game = createGame({});
  const schemas = new Map(
    game.descriptors
      .flatMap((file) => file.messages)
      .filter((schema) => hasOption(schema, contract))
      .map((schema) => [getOption(schema, contract).type, schema]),
  );
  const types = new Set<string>();
  for (const { hexId, events, durableSha256 } of stored) {
    let parts = game.hex.initialState({ hexId: BigInt(hexId), layerId: 0 });
    for (const row of events) {
      const [type = "", payload = ""] = row.split(" ");
      types.add(type);
      const event: Message = fromBinary(schemas.get(type)!, Buffer.from(payload, "hex"));
      parts = game.hex.evolve(parts, event);
    }
    const bytes = toBinary(game.hex.durableSchema, parts.durable);
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(durableSha256);
  }
  expect(types.size).toBe(12);
});
