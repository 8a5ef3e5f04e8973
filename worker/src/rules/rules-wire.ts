/**
 * A batch and its decision as one piece of memory each, handed over between the two threads. As objects they
 * are cloned field by field, every small array of bytes with an allocation outside the heap. Nothing of this
 * format is stored or leaves the process.
 */
import type { TimerChange } from "@hexhold/actor";
import type { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
// Not the package's main entry: the broker's client would load in every rules thread.
import { WireReader } from "@hexhold/messaging/wire-reader";
import { WireWriter } from "@hexhold/messaging/wire-writer";
import type {
  HostCommand,
  HostDecision,
  HostEvent,
  HostFault,
  HostMessage,
  HostOutcome,
} from "./rules-host.ts";

const outcomeKind = { applied: 0, refused: 1, invalid: 2 } as const;
const target = { key: 0, service: 1 } as const;

const writer = new WireWriter();

/** Memory that may be transferred. */
export function packCommands(commands: readonly HostCommand[]): Uint8Array<ArrayBuffer> {
  return packed(() => {
    writer.varint(commands.length);
    for (const command of commands) {
      writer.string(command.keyText).string(command.type).bytes(command.payload);
      writer
        .varint(command.sender)
        .bytes(command.accountId ?? none)
        .bytes(command.sessionId ?? none);
      writer.varint64(command.volatileSeq);
    }
  });
}

/**
 * Bytes of the commands are copies: the rules put ids into state, by themselves and as fields of the payload, and a view
 * would keep the whole batch in memory.
 */
export function unpackCommands(bytes: Uint8Array): readonly HostCommand[] {
  const reader = new WireReader(bytes);
  return listOf(reader, () => ({
    keyText: reader.string(),
    type: (lastType = reader.string(lastType)),
    payload: new Uint8Array(reader.bytes()),
    sender: reader.varint() as Sender,
    accountId: someBytes(reader),
    sessionId: someBytes(reader),
    volatileSeq: reader.varint64(),
  }));
}

/** Memory that may be transferred. */
export function packDecision({ outcomes, fault }: HostDecision): Uint8Array<ArrayBuffer> {
  return packed(() => {
    writer.varint(outcomes.length);
    for (const outcome of outcomes) packOutcome(outcome);
    writer.varint(fault === undefined ? 0 : 1);
    if (fault !== undefined) writer.string(fault.kind).varint(fault.index).string(fault.error);
  });
}

/** Bytes of the outcomes are views of `bytes`. */
export function unpackDecision(bytes: Uint8Array): HostDecision {
  const reader = new WireReader(bytes);
  const outcomes = listOf(reader, () => unpackOutcome(reader));
  if (reader.varint() === 0) return { outcomes, fault: undefined };
  const kind = reader.string() as HostFault["kind"];
  return { outcomes, fault: { kind, index: reader.varint(), error: reader.string() } };
}

function packOutcome(outcome: HostOutcome): void {
  writer.varint(outcomeKind[outcome.kind]).varint(outcome.hexVersion);
  if (outcome.kind === "invalid") {
    writer.string(outcome.message);
    return;
  }
  writer.varint(outcome.decidedMs);
  if (outcome.kind === "refused") {
    writer.string(outcome.reason).varint(outcome.retryAfterMs).bytes(outcome.detail);
    return;
  }
  writer.bytes(outcome.result).varint(outcome.events.length);
  for (const event of outcome.events) {
    writer.string(event.type).varint(event.messageVersion).bytes(event.payload);
    writer.varint(event.viewSeq).varint(event.hexVersion).varint(event.consumers.length);
    for (const consumer of event.consumers) writer.string(consumer);
  }
  writer.varint(outcome.messages.length);
  for (const { type, messageVersion, payload, to } of outcome.messages) {
    writer.string(type).varint(messageVersion).bytes(payload);
    if ("keyText" in to) writer.varint(target.key).string(to.keyText);
    else writer.varint(target.service).string(to.service).string(to.subject);
  }
  writer.varint(outcome.timers.length);
  for (const { timer, armed } of outcome.timers) {
    writer.string(timer).varint(armed === undefined ? 0 : 1);
    if (armed !== undefined) writer.varint(armed.dueMs).varint(armed.armedVersion);
  }
}

function unpackOutcome(reader: WireReader): HostOutcome {
  const kind = reader.varint();
  const hexVersion = reader.varint();
  if (kind === outcomeKind.invalid) {
    return { kind: "invalid", message: reader.string(), hexVersion };
  }
  const decidedMs = reader.varint();
  if (kind === outcomeKind.refused) {
    return {
      kind: "refused",
      reason: reader.string(),
      retryAfterMs: reader.varint(),
      detail: reader.bytes(),
      hexVersion,
      decidedMs,
    };
  }
  return {
    kind: "applied",
    result: reader.bytes(),
    events: listOf(reader, (): HostEvent => ({
      type: (lastType = reader.string(lastType)),
      messageVersion: reader.varint(),
      payload: reader.bytes(),
      viewSeq: reader.varint(),
      hexVersion: reader.varint(),
      consumers: listOf(reader, () => (lastConsumer = reader.string(lastConsumer))),
    })),
    messages: listOf(reader, (): HostMessage => ({
      type: reader.string(),
      messageVersion: reader.varint(),
      payload: reader.bytes(),
      to:
        reader.varint() === target.key
          ? { keyText: reader.string() }
          : { service: reader.string(), subject: reader.string() },
    })),
    timers: listOf(reader, (): TimerChange => {
      const timer = reader.string();
      if (reader.varint() === 0) return { timer, armed: undefined };
      return { timer, armed: { dueMs: reader.varint(), armedVersion: reader.varint() } };
    }),
    hexVersion,
    decidedMs,
  };
}

const none = new Uint8Array(0);
/** Of the last command or event that was read: those of one batch are alike. */
let lastType = "";
let lastConsumer = "";

function packed(write: () => void): Uint8Array<ArrayBuffer> {
  // What a writer that threw has left.
  writer.clear();
  write();
  return writer.finishAlone();
}

/** Empty = none. */
function someBytes(reader: WireReader): Uint8Array | undefined {
  const bytes = reader.bytes();
  return bytes.length === 0 ? undefined : new Uint8Array(bytes);
}

const noItems: readonly never[] = [];

function listOf<Item>(reader: WireReader, item: () => Item): readonly Item[] {
  let left = reader.varint();
  if (left === 0) return noItems;
  const items: Item[] = [];
  for (; left > 0; left--) items.push(item());
  return items;
}
