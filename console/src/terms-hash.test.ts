import { createHash } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { OfferSchema, TradeTermsSchema } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { afterEach, expect, test, vi } from "vitest";
import { termsHashOf } from "./terms-hash.ts";

afterEach(() => {
  vi.unstubAllGlobals();
});

const terms = create(TradeTermsSchema, {
  offerId: new Uint8Array(16).fill(1),
  give: [{ asset: "wood", amount: 5n }],
});
const told = new Uint8Array(32).fill(9);
const offer = create(OfferSchema, { terms, termsHash: told });

test("an offer is accepted by the hash of what was shown, not by one that came with it", async () => {
  const shown = createHash("sha256").update(toBinary(TradeTermsSchema, terms)).digest();
  expect(Buffer.from(await termsHashOf(offer))).toEqual(shown);
});

test("where the browser cannot hash, the one that came with it has to do", async () => {
  vi.stubGlobal("crypto", {});
  expect(await termsHashOf(offer)).toBe(told);
});
