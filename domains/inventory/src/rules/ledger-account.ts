/** Where amounts stand: an owner, a kind and an asset. Pure. */
import { bytesText } from "@hexhold/messaging";

/** `player`: what is free. `hold`: what is in escrow. `mint` and `burn` belong to nobody. */
export type LedgerAccountKind = "player" | "hold" | "mint" | "burn";

export interface LedgerAccount {
  /** 16 bytes; of mints and burns all 0. */
  readonly owner: Uint8Array;
  readonly kind: LedgerAccountKind;
  readonly asset: string;
}

/** What everything is paid in. */
export const coin = "coin";

/** Owner of mints and burns. */
export const nobody = new Uint8Array(16);

const assetPattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
export const assetLengthMax = 64;

export function isAssetName(asset: string): boolean {
  return asset.length <= assetLengthMax && assetPattern.test(asset);
}

/** For maps. */
export function accountText({ owner, kind, asset }: LedgerAccount): string {
  return `${kind} ${asset} ${bytesText(owner)}`;
}

export const playerOf = (owner: Uint8Array, asset: string): LedgerAccount => ({
  owner,
  kind: "player",
  asset,
});
export const holdOf = (owner: Uint8Array, asset: string): LedgerAccount => ({
  owner,
  kind: "hold",
  asset,
});
export const mintOf = (asset: string): LedgerAccount => ({ owner: nobody, kind: "mint", asset });
export const burnOf = (asset: string): LedgerAccount => ({ owner: nobody, kind: "burn", asset });
