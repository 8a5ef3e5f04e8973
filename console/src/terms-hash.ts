/** The hash by which an offer is accepted, made of what the player was shown and of nothing else. */
import { toBinary } from "@bufbuild/protobuf";
import { type Offer, TradeTermsSchema } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";

/**
 * SHA-256 of the terms as they are encoded. Where the browser has no cryptography (a page over plain HTTP of another
 * machine) it is the hash that came with them.
 */
export async function termsHashOf({ terms, termsHash }: Offer): Promise<Uint8Array> {
  if (terms === undefined || globalThis.crypto?.subtle === undefined) return termsHash;
  const bytes = toBinary(TradeTermsSchema, terms);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
}
