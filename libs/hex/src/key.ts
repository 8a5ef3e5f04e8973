/** Names a hex: the actor and its state. */
export interface Key {
  /** H3 index of resolution 6, as an unsigned 64-bit number. */
  readonly hexId: bigint;
  /** 0…2³²−1; 0 is the surface. */
  readonly layerId: number;
}

/** Length of {@link keyBytes}. */
export const keyBytesLength = 12;

const layerMax = 0xffff_ffff;
const keyTextPattern = /^([0-9a-f]{15})(?:\.([1-9][0-9]{0,9}))?$/;

/** `text` is no key text. */
export class KeyTextError extends Error {
  readonly code = "KEY_TEXT";
  constructor(text: string) {
    super(
      `not a key: ${JSON.stringify(text.slice(0, 64))}; expected 15 lower-case hex digits of an H3 cell, ` +
        'with ".<layer>" behind them for a layer other than 0, as in 861f1d48fffffff.3',
    );
    this.name = "KeyTextError";
  }
}

/** The 15 lower-case hex digits by which people, URLs, MongoDB and queue names call a cell. */
export function hexText(hexId: bigint): string {
  return hexId.toString(16).padStart(15, "0");
}

/** `861f1d48fffffff`, with a layer other than 0 `861f1d48fffffff.3`. */
export function keyText(key: Key): string {
  const text = hexText(key.hexId);
  return key.layerId === 0 ? text : `${text}.${key.layerId}`;
}

/** Reverse of {@link keyText}. Only the form is checked, not that the cell exists. Throws {@link KeyTextError}. */
export function parseKeyText(text: string): Key {
  const match = keyTextPattern.exec(text);
  const layerId = Number(match?.[2] ?? 0);
  if (match === null || layerId > layerMax) throw new KeyTextError(text);
  return { hexId: BigInt(`0x${match[1]}`), layerId };
}

/** hex_id, 8 bytes big-endian, and layer_id, 4 bytes big-endian: always 12 bytes. */
export function keyBytes(key: Key): Uint8Array {
  return sharedKeyBytes(key).slice();
}

const shared = new Uint8Array(keyBytesLength);
const sharedView = new DataView(shared.buffer);

/** {@link keyBytes} in memory that the next call writes anew: for who has done with them by then. */
export function sharedKeyBytes(key: Key): Uint8Array {
  sharedView.setBigUint64(0, key.hexId);
  sharedView.setUint32(8, key.layerId);
  return shared;
}

/** Whether two keys name the same hex. */
export function sameKey(a: Key, b: Key): boolean {
  return a.hexId === b.hexId && a.layerId === b.layerId;
}
