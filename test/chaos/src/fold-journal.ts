/** The world as its journal alone tells it. */
import { fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { type HexState, HexStateSchema } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { createMessageRegistry } from "@hexhold/messaging";
import { createGame } from "@hexhold/reference-game";
import { withPostgres } from "@hexhold/testing";

/** One hex, folded from its first event to its last. */
export interface FoldedHex {
  readonly hexId: bigint;
  readonly events: readonly Message[];
  readonly durable: HexState;
}

/** Every hex of layer 0 with a journal. Reads all of it into memory. */
export async function foldHexes(adminUrl: string): Promise<FoldedHex[]> {
  const { hex: game, descriptors } = createGame({});
  const registry = createMessageRegistry(descriptors);
  const rows = await withPostgres(adminUrl, async (client) => {
    const read = await client.query<{ hex_id: string; type: string; payload: Buffer }>(
      "SELECT hex_id, type, payload FROM world.journal ORDER BY bucket, hex_id, layer_id, hex_version",
    );
    return read.rows;
  });
  return [...Map.groupBy(rows, (row) => row.hex_id)].map(([hexText, own]) => {
    const hexId = BigInt(hexText);
    const events = own.map(({ type, payload }) =>
      fromBinary(registry.byType(type)!.schema, payload),
    );
    const start = game.initialState({ hexId, layerId: 0 });
    const { durable } = events.reduce((parts, event) => game.evolve(parts, event), start);
    return { hexId, events, durable: durable as HexState };
  });
}

/** Durable state of every hex: hex_id → hex digits of its bytes. */
export async function foldJournal(adminUrl: string): Promise<Map<string, string>> {
  return new Map(
    (await foldHexes(adminUrl)).map(({ hexId, durable }) => [
      String(hexId),
      Buffer.from(toBinary(HexStateSchema, durable)).toString("hex"),
    ]),
  );
}
