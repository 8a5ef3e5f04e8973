/** Bytes as text and back, without anything of Node. */

/** Lower-case hex digits: a key for maps and logs. */
export function hexDigits(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** 8-4-4-4-12 hex digits of 16 bytes. */
export function uuidText(bytes: Uint8Array): string {
  const hex = hexDigits(bytes);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Reverse of {@link uuidText}. Throws a TypeError on anything else. */
export function uuidBytes(text: string): Uint8Array {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    throw new TypeError(`not a UUID: ${JSON.stringify(text.slice(0, 64))}`);
  }
  const digits = text.replaceAll("-", "");
  return Uint8Array.from({ length: 16 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}

/** Negative, 0 or positive: the order of two byte strings, byte by byte, a prefix first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
