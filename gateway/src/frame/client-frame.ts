/** Frames of clients, read. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  type ClientFrame,
  ClientFrameSchema,
  type Command,
} from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import {
  compiledValidator,
  fieldOf,
  noBytes,
  readKey,
  readUint32,
  WireReader,
  type WireTypes,
} from "@hexhold/messaging";
import { WireType } from "@bufbuild/protobuf/wire";
import { nestingMax } from "../admission/check-command.ts";

/** Tag of the field `command`. */
const commandTag = 0x12;
const { Varint, LengthDelimited } = WireType;
const commandWireTypes: WireTypes = [
  undefined,
  LengthDelimited,
  LengthDelimited,
  Varint,
  LengthDelimited,
  LengthDelimited,
  Varint,
];

const validator = compiledValidator([ClientFrameSchema]);

/** Which rule of its fields a frame breaks; undefined: none. Those of a command are answered, not punished. */
export function frameFault(frame: ClientFrame): string | undefined {
  if (frame.frame.case === "command") return undefined;
  const checked = validator.validate(ClientFrameSchema, frame);
  if (checked.kind === "valid") return undefined;
  return checked.kind === "invalid" ? checked.violations.map(String).join("; ") : "not valid";
}

/** Throws on what is no ClientFrame. A command, which is nearly all that comes, is read field by field. */
export function decodeClientFrame(bytes: Uint8Array): ClientFrame {
  if (bytes[0] === commandTag) {
    const reader = new WireReader(bytes);
    reader.tag();
    const value = readCommand(reader);
    if (!reader.more()) {
      return { $typeName: "hexhold.edge.v1.ClientFrame", frame: { case: "command", value } };
    }
  }
  return fromBinary(ClientFrameSchema, bytes, { recursionLimit: nestingMax });
}

function readCommand(reader: WireReader): Command {
  const command: Command = {
    $typeName: "hexhold.edge.v1.Command",
    requestId: noBytes,
    type: "",
    version: 0,
    payload: noBytes,
    volatileSeq: 0n,
  };
  for (const end = reader.open(); reader.more(end);) {
    switch (fieldOf(reader, commandWireTypes)) {
      case 1:
        command.requestId = reader.bytes();
        break;
      case 2:
        command.type = reader.string();
        break;
      case 3:
        command.version = readUint32(reader);
        break;
      case 4:
        command.key = readKey(reader, command.key);
        break;
      case 5:
        command.payload = reader.bytes();
        break;
      case 6:
        command.volatileSeq = reader.varint64();
        break;
      default:
    }
  }
  return command;
}
