/** A .proto file that is made by a test, for contracts that no message of the product has. */
import {
  create,
  createFileRegistry,
  type DescFile,
  type MessageInitShape,
  setExtension,
} from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  MessageOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { contract, MessageContractSchema } from "@hexhold/gen/hexhold/options/v1/options_pb";

export interface TestMessage {
  readonly name: string;
  /** Names of string fields, numbered from 1. */
  readonly fields?: readonly string[];
  readonly contract: MessageInitShape<typeof MessageContractSchema>;
}

/** Package `test.v1`. */
export function messageFile(messages: readonly TestMessage[]): DescFile {
  const name = "test/v1/test.proto";
  const file = create(FileDescriptorProtoSchema, {
    name,
    package: "test.v1",
    syntax: "proto3",
    messageType: messages.map((message) => {
      const options = create(MessageOptionsSchema);
      setExtension(options, contract, create(MessageContractSchema, message.contract));
      return {
        name: message.name,
        options,
        field: (message.fields ?? []).map((field, at) => ({
          name: field,
          number: at + 1,
          type: FieldDescriptorProto_Type.STRING,
          label: FieldDescriptorProto_Label.OPTIONAL,
          jsonName: field,
        })),
      };
    }),
  });
  return createFileRegistry(file, () => undefined).getFile(name)!;
}
