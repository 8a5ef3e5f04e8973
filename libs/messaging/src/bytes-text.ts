/** Bytes as a text of one character each: a key of a map, and cheaper to keep than an array. */
export function bytesText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
