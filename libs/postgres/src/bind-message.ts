/** pg's Bind message, written into memory of just its size: pg's own writer begins with 256 bytes and grows by half. */
import type pg from "pg";

/** What a query of pg gives its connection to bind. */
export interface BindConfig {
  readonly portal?: string | null | undefined;
  readonly statement?: string | null | undefined;
  readonly values?: readonly unknown[] | null | undefined;
  /** Whether the answer's columns come in binary format. */
  readonly binary?: boolean;
  /** From a value to null, a Buffer (sent in binary format) or a text. */
  readonly valueMapper?: (value: unknown, index: number) => unknown;
}

const bindCode = 0x42;
const textFormat = 0;
const binaryFormat = 1;

/**
 * Lets `client` write its Bind messages by {@link bindMessage}. With pg's writer a commit asks for three times its size
 * in memory outside the heap, and every 64 MB of that make V8 collect the whole heap (bench/README.md). Throws when
 * this pg has no such connection.
 */
export function bindExactly(client: pg.Client): void {
  const { connection } = client as unknown as { connection?: Partial<BindingConnection> };
  if (connection?.bind === undefined || connection._send === undefined) {
    throw new Error("pg does not show the connection it binds on");
  }
  const send = connection._send.bind(connection);
  connection.bind = (config) => void send(bindMessage(config));
}

interface BindingConnection {
  bind: (config: BindConfig) => void;
  _send: (message: Buffer) => unknown;
}

/** @see https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-BIND */
export function bindMessage(config: BindConfig): Buffer {
  const { binary = false, valueMapper } = config;
  const portal = config.portal ?? "";
  const statement = config.statement ?? "";
  const values = config.values ?? [];
  const sent: (Buffer | string | null)[] = [];
  const lengths: number[] = [];
  let length = 4 + nameBytes(portal) + nameBytes(statement) + 2 + 2 + 4;
  for (let i = 0; i < values.length; i++) {
    const mapped = valueMapper === undefined ? values[i] : valueMapper(values[i], i);
    const value = mapped === null || mapped === undefined ? null : (mapped as Buffer | string);
    const bytes = value === null ? -1 : byteLength(value);
    sent.push(value);
    lengths.push(bytes);
    length += 2 + 4 + Math.max(bytes, 0);
  }
  const message = Buffer.allocUnsafe(1 + length);
  let at = message.writeUInt8(bindCode, 0);
  at = message.writeInt32BE(length, at);
  at = writeName(message, portal, at);
  at = writeName(message, statement, at);
  at = message.writeUInt16BE(sent.length, at);
  for (const value of sent) {
    at = message.writeInt16BE(value instanceof Buffer ? binaryFormat : textFormat, at);
  }
  at = message.writeUInt16BE(sent.length, at);
  for (let i = 0; i < sent.length; i++) {
    const value = sent[i]!;
    at = message.writeInt32BE(lengths[i]!, at);
    if (typeof value === "string") at += message.write(value, at);
    else if (value !== null) at += value.copy(message, at);
  }
  // One format for all columns of the answer.
  at = message.writeInt16BE(1, at);
  message.writeInt16BE(binary ? binaryFormat : textFormat, at);
  return message;
}

function byteLength(value: Buffer | string): number {
  return typeof value === "string" ? Buffer.byteLength(value) : value.length;
}

/** A C string. */
function nameBytes(name: string): number {
  return Buffer.byteLength(name) + 1;
}

function writeName(message: Buffer, name: string, at: number): number {
  return message.writeUInt8(0, at + message.write(name, at));
}
