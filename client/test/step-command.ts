/** A VOLATILE command for tests of the SDK: the platform has none of its own. */
import { create, createFileRegistry, type Message, setExtension } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  type MessageOptions,
  MessageOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import {
  file_hexhold_hex_v1_commands,
  NotResidentDetailSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import {
  contract,
  Durability,
  MessageContractSchema,
} from "@hexhold/gen/hexhold/options/v1/options_pb";

export type Step = Message<"test.v1.Step"> & { x: number };

function optionsOf(): MessageOptions {
  const options = create(MessageOptionsSchema);
  const value = create(MessageContractSchema, {
    type: "cmd.hex.step",
    version: 1,
    durability: Durability.VOLATILE,
    refusalDetail: NotResidentDetailSchema.typeName,
  });
  setExtension(options, contract, value);
  return options;
}

const platformFile = file_hexhold_hex_v1_commands.proto.name;

const file = create(FileDescriptorProtoSchema, {
  name: "test/v1/step.proto",
  package: "test.v1",
  dependency: [platformFile],
  syntax: "proto3",
  messageType: [
    {
      name: "Step",
      options: optionsOf(),
      field: [
        {
          name: "x",
          number: 1,
          type: FieldDescriptorProto_Type.SINT32,
          label: FieldDescriptorProto_Label.OPTIONAL,
          jsonName: "x",
        },
      ],
    },
  ],
});

const registry = createFileRegistry(file, () => file_hexhold_hex_v1_commands);

export const StepSchema = registry.getMessage("test.v1.Step") as GenMessage<Step>;
