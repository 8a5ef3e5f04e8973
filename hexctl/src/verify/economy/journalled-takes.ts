/** What hexes have asked the inventory for, what became of it, and what they owe back, as the journal has it. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  GoodsReturnedSchema,
  TakeAskedSchema,
  TakeEnd,
  TakeEndedSchema,
} from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import { keyText } from "@hexhold/hex";
import { uuidText } from "@hexhold/messaging";
import type { PgClient } from "@hexhold/postgres";

/** Ids are UUID texts. */
export interface AskedTake {
  readonly account: string;
  readonly asset: string;
  readonly amount: bigint;
  /** Undefined: nothing gives it back. */
  readonly site: string | undefined;
  /** Key text. */
  readonly hex: string;
  readonly since: Date;
}

export interface OwedGift {
  readonly site: string;
  readonly account: string;
  readonly asset: string;
  readonly amount: bigint;
  readonly hex: string;
  readonly since: Date;
}

export interface JournalledTakes {
  readonly asked: ReadonlyMap<string, AskedTake>;
  /** Whether it was taken, by the take's id. */
  readonly ended: ReadonlyMap<string, boolean>;
  readonly gifts: ReadonlyMap<string, OwedGift>;
  /** Ids of takes that a hex had, and neither owes back nor has made anything of in the same commit. */
  readonly ignored: readonly string[];
  /** Ids that the journal has twice, or ends without a beginning. */
  readonly twice: readonly string[];
}

const types = ["evt.hex.take-asked", "evt.hex.take-ended", "evt.hex.goods-returned"] as const;
const fetchCount = 1000;

interface Row {
  readonly type: (typeof types)[number];
  readonly hex_id: string;
  readonly layer_id: string;
  readonly payload: Buffer;
  readonly decided_at: Date;
  /** Whether the same commit has an event behind it. */
  readonly is_followed: boolean;
}

/** In a transaction of the caller. Memory grows with the number of takes. */
export async function readJournalledTakes(client: PgClient): Promise<JournalledTakes> {
  const asked = new Map<string, AskedTake>();
  const ended = new Map<string, boolean>();
  const gifts = new Map<string, OwedGift>();
  const ignored: string[] = [];
  const twice: string[] = [];
  const put = <V>(into: Map<string, V>, id: string, value: V): void => {
    if (into.has(id)) twice.push(id);
    into.set(id, value);
  };
  for await (const row of rowsOf(client)) {
    const { type, hex_id, layer_id, payload, decided_at: since } = row;
    const hex = keyText({ hexId: BigInt(hex_id), layerId: Number(layer_id) });
    if (type === "evt.hex.take-asked") {
      const { takeId, accountId, asset, amount, siteId } = fromBinary(TakeAskedSchema, payload);
      const site = siteId.length === 0 ? undefined : uuidText(siteId);
      const account = uuidText(accountId);
      put(asked, uuidText(takeId), { account, asset, amount, site, hex, since });
    } else if (type === "evt.hex.take-ended") {
      const { takeId, end, giveId } = fromBinary(TakeEndedSchema, payload);
      const id = uuidText(takeId);
      put(ended, id, end === TakeEnd.TAKEN);
      const take = asked.get(id);
      if (take === undefined) twice.push(id);
      else if (giveId.length === 0) {
        if (end === TakeEnd.TAKEN && !row.is_followed) ignored.push(id);
      } else {
        const { account, asset, amount, site = "" } = take;
        put(gifts, uuidText(giveId), { site, account, asset, amount, hex, since });
      }
    } else {
      const returned = fromBinary(GoodsReturnedSchema, payload);
      const site = uuidText(returned.siteId);
      for (const { giveId, accountId, asset, amount } of returned.gifts) {
        const account = uuidText(accountId);
        put(gifts, uuidText(giveId), { site, account, asset, amount, hex, since });
      }
    }
  }
  return { asked, ended, gifts, ignored, twice };
}

async function* rowsOf(client: PgClient): AsyncGenerator<Row, void, undefined> {
  await client.query(
    `DECLARE takes NO SCROLL CURSOR FOR
     SELECT type, hex_id, layer_id, payload, decided_at, EXISTS (
       SELECT 1 FROM world.journal AS n
       WHERE n.bucket = j.bucket AND n.hex_id = j.hex_id AND n.layer_id = j.layer_id
         AND n.hex_version = j.hex_version + 1 AND n.idempotency_key = j.idempotency_key) AS is_followed
     FROM world.journal AS j
     WHERE type = ANY ($1::text[]) ORDER BY bucket, hex_id, layer_id, hex_version`,
    [types],
  );
  for (;;) {
    const { rows } = await client.query<Row>(`FETCH ${fetchCount} FROM takes`);
    yield* rows;
    if (rows.length < fetchCount) break;
  }
  await client.query("CLOSE takes");
}
