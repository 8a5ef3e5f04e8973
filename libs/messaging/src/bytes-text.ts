/** Bytes as a text of one character each: a key of a map, and cheaper to keep than an array. */
export function bytesText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Reverse of {@link bytesText}. */
export function textBytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}
