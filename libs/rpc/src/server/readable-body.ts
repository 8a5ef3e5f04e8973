/**
 * Faults of a body that are the client's, told apart from ours before Connect reads it:
 * - it is no message of its method: INVALID_ARGUMENT, where Connect says INTERNAL of the binary format (JSON is read
 *   by a decoder that takes no bytes beside UTF-8);
 * - its peer went away before its end: CANCELED, which nobody logs. Else any peer could fill a log.
 */
import { type DescMethod, fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";

/** In front of each message, but for Connect's unary calls: a byte of flags and four of length. */
const prefixBytes = 5;

/** The request with a body that fails with a ConnectError where the fault is the client's. */
export function withReadableBody<T extends UniversalServerRequest>(
  request: T,
  method: DescMethod,
  messageBytesMax: number,
): T {
  if (!isBytes(request.body)) return request;
  const body = untilGone(request.body);
  const type = (request.header.get("content-type") ?? "").split(";", 1)[0]!.trim().toLowerCase();
  const isEncoded = /^(?!identity$)./.test(request.header.get("content-encoding") ?? "");
  if (isEncoded) return { ...request, body };
  if (type === "application/proto") {
    return { ...request, body: checkedWhole(body, method, messageBytesMax) };
  }
  return /^application\/(connect\+proto|grpc(-web)?(\+proto)?)$/.test(type)
    ? { ...request, body: checkedFrames(body, method, messageBytesMax) }
    : { ...request, body };
}

async function* untilGone(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    if (error instanceof ConnectError) throw error;
    throw new ConnectError(
      "the request ended before its body",
      Code.Canceled,
      undefined,
      undefined,
      error,
    );
  }
}

/** One message, as long as the body. */
async function* checkedWhole(
  body: AsyncIterable<Uint8Array>,
  method: DescMethod,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    chunks.push(chunk);
    // Too long: whoever reads it says so.
    if (bytes > bytesMax) yield* chunks.splice(0);
  }
  if (bytes <= bytesMax) check(Buffer.concat(chunks), method);
  yield* chunks;
}

/** Messages in frames, each checked before it is passed on. */
async function* checkedFrames(
  body: AsyncIterable<Uint8Array>,
  method: DescMethod,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array = new Uint8Array(0);
  let isTooLong = false;
  for await (const chunk of body) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (!isTooLong && held.length >= prefixBytes) {
      const length = new DataView(held.buffer, held.byteOffset).getUint32(1);
      isTooLong = length > bytesMax;
      const end = prefixBytes + length;
      if (isTooLong || held.length < end) break;
      // Flags: compressed, or the trailers of gRPC-web.
      if (held[0] === 0) check(held.subarray(prefixBytes, end), method);
      yield held.subarray(0, end);
      held = held.subarray(end);
    }
    if (!isTooLong) continue;
    yield held;
    held = new Uint8Array(0);
  }
  if (held.length > 0) yield held;
}

function check(message: Uint8Array, { input }: DescMethod): void {
  try {
    fromBinary(input, message);
  } catch (error) {
    throw new ConnectError(
      `the body is no ${input.typeName}`,
      Code.InvalidArgument,
      undefined,
      undefined,
      error,
    );
  }
}

function isBytes(body: UniversalServerRequest["body"]): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}
