import {
  create,
  createFileRegistry,
  type DescField,
  type DescMessage,
  type MessageInitShape,
  ScalarType,
  setExtension,
} from "@bufbuild/protobuf";
import {
  DescriptorProtoSchema,
  FieldDescriptorProto_Label as FieldLabel,
  FieldDescriptorProto_Type as FieldType,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  MessageOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { createValidator } from "@bufbuild/protovalidate";
import {
  field as fieldRules,
  FieldRulesSchema,
  Ignore,
  message as messageRules,
  MessageRulesSchema,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { RegisterSchema } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import {
  ClientFrameSchema,
  CommandSchema,
  HelloSchema,
  PingSchema,
  SubscribeSchema,
} from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { EnvelopeSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { file_hexhold_hex_v1_commands } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { file_hexhold_hex_v1_transfer } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { file_hexhold_inventory_v1_commands } from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import { WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainCheckOf } from "./plain-rules.ts";

const files = [
  file_hexhold_hex_v1_commands,
  file_hexhold_hex_v1_transfer,
  file_hexhold_inventory_v1_commands,
];
const schemas: DescMessage[] = [
  EnvelopeSchema,
  CommandSchema,
  HelloSchema,
  PingSchema,
  SubscribeSchema,
  ...files.flatMap((file) => file.messages),
];
const validator = createValidator();

/** Around every limit that a rule of ours has. */
const numbers = [0, 1, 2, 99, 100, 101, 999, 1000, 1001, 1154, 1155, 1156, 2 ** 31 - 1];
const lengths = [0, 1, 2, 15, 16, 17, 18, 31, 32, 33, 54, 55, 56, 64, 65, 127, 128, 129, 256, 257];
const texts = lengths.flatMap((length) => ["a", "ä", "𝄞"].map((unit) => unit.repeat(length)));

function candidates(field: DescField): unknown[] {
  if (field.fieldKind === "enum") return [...field.enum.values.map(({ number }) => number), 99];
  if (field.fieldKind === "list" && field.listKind === "message") {
    return [...lengths, 512, 513].map((length) =>
      Array.from({ length }, () => create(field.message)),
    );
  }
  if (field.fieldKind !== "scalar" || field.oneof !== undefined) return [];
  switch (field.scalar) {
    case ScalarType.STRING:
      return texts;
    case ScalarType.BYTES:
      return [...lengths, 8192, 8193, 16_384, 16_385].map((length) => new Uint8Array(length));
    case ScalarType.BOOL:
      return [false, true];
    case ScalarType.UINT32:
      return [...numbers, 2 ** 32 - 1];
    case ScalarType.INT32:
    case ScalarType.SINT32:
      return [...numbers, ...numbers.map((n) => -n)];
    case ScalarType.INT64:
    case ScalarType.SINT64:
      return [...numbers.map(BigInt), ...numbers.map((n) => BigInt(-n)), 2n ** 62n];
    default:
      return [...numbers.map(BigInt), 2n ** 63n];
  }
}

const messageOf = (schema: DescMessage, fields: readonly (readonly [DescField, unknown])[]) =>
  Object.assign(
    create(schema),
    Object.fromEntries(fields.map(([field, value]) => [field.localName, value])),
  );

/** Values that keep the field's own rules, whatever the rest of the message does. */
function fineOnes(schema: DescMessage, field: DescField): unknown[] {
  return candidates(field).filter((value) => {
    const { violations = [] } = validator.validate(schema, messageOf(schema, [[field, value]]));
    return !violations.some(({ field: [first] }) => first?.kind === "field" && first === field);
  });
}

const plainSchemas = schemas.filter((schema) => plainCheckOf(schema) !== undefined);

describe.each(plainSchemas.map((schema) => [schema.typeName, schema] as const))(
  "%s",
  (_, schema) => {
    const check = plainCheckOf(schema)!;
    const fields = schema.fields.filter((field) => candidates(field).length > 0);

    it("is never taken for plainly right when the validator refuses it, and mostly when it does not", () => {
      const values = fields.map((field) =>
        fc.oneof(
          { weight: 9, arbitrary: fc.constantFrom(...fineOnes(schema, field)) },
          { weight: 1, arbitrary: fc.constantFrom(...candidates(field)) },
        ),
      );
      let [right, valid] = [0, 0];
      fc.assert(
        fc.property(fc.tuple(...values), (chosen) => {
          const message = messageOf(
            schema,
            chosen.map((value, i) => [fields[i]!, value] as const),
          );
          const verdict = validator.validate(schema, message).kind;
          if (verdict === "valid") valid++;
          if (!check(message)) return;
          right++;
          expect(verdict).toBe("valid");
        }),
        { numRuns: 300 },
      );
      expect(valid).toBeGreaterThan(30);
      // Texts of characters beyond the basic plane may be asked for twice as many units as they have.
      expect(right).toBeGreaterThan(valid / 3);
    });
  },
);

it("knows the commands of every world, and leaves patterns to the validator", () => {
  const names = plainSchemas.map(({ name }) => name);
  for (const name of ["Spawn", "Arrive", "Enter", "Observe", "Transfer", "Envelope"]) {
    expect(names).toContain(name);
  }
  // A oneof with rules inside, and a pattern.
  for (const schema of [ClientFrameSchema, RegisterSchema]) {
    expect(plainCheckOf(schema)).toBeUndefined();
  }
});

describe("rules that none of our messages has", () => {
  const atLeastOne: FieldInit = { name: "n", number: 1, type: FieldType.INT32, rules: gte(1) };
  const inner = { name: "Inner", field: [atLeastOne] };
  const ofInner = { name: "inner", number: 1, type: FieldType.MESSAGE, typeName: ".test.Inner" };

  it("are looked for inside a message, where there is one", () => {
    const schema = schemaOf({ name: "One", field: [ofInner] }, inner);
    const check = plainCheckOf(schema)!;
    const one = (n?: number) =>
      Object.assign(create(schema), n === undefined ? {} : { inner: { n } });
    expect([check(one()), check(one(1)), check(one(0))]).toEqual([true, true, false]);
  });

  it.each<[string, MessageInit]>([
    ["of items", { field: [{ ...ofInner, label: FieldLabel.REPEATED }] }],
    ["in a oneof", { field: [{ ...ofInner, oneofIndex: 0 }], oneofDecl: [{ name: "choice" }] }],
    ["that it is there", { field: [{ ...ofInner, rules: { required: true } }] }],
    ["that it is not zero", { field: [{ ...atLeastOne, rules: { ...gte(1), required: true } }] }],
    [
      "unless it is zero",
      { field: [{ ...atLeastOne, rules: { ...gte(1), ignore: Ignore.IF_ZERO_VALUE } }] },
    ],
    ["as an expression", { field: [{ ...atLeastOne, rules: { celExpression: ["this > 0"] } }] }],
    ["of the whole message", { field: [{ ...atLeastOne }], rules: { celExpression: ["true"] } }],
    [
      "of an optional field",
      {
        field: [{ ...atLeastOne, proto3Optional: true, oneofIndex: 0 }],
        oneofDecl: [{ name: "_n" }],
      },
    ],
    ["that extend those of its type", { field: [{ ...atLeastOne, rules: extended(gte(1)) }] }],
    ["of inner ones of its own kind", { field: [{ ...ofInner, typeName: ".test.Whole" }] }],
  ])("leaves those %s to the validator", (_, message) => {
    expect(plainCheckOf(schemaOf({ name: "Whole", ...message }, inner))).toBeUndefined();
  });
});

interface FieldInit {
  readonly name: string;
  readonly number: number;
  readonly type: FieldType;
  readonly label?: FieldLabel;
  readonly typeName?: string;
  readonly oneofIndex?: number;
  readonly proto3Optional?: boolean;
  readonly rules?: MessageInitShape<typeof FieldRulesSchema>;
}

interface MessageInit {
  readonly name?: string;
  readonly field: readonly FieldInit[];
  readonly oneofDecl?: { readonly name: string }[];
  readonly rules?: MessageInitShape<typeof MessageRulesSchema>;
}

function gte(value: number): MessageInitShape<typeof FieldRulesSchema> {
  return { type: { case: "int32", value: { greaterThan: { case: "gte", value } } } };
}

/** A rule that somebody has predefined: an extension, of which the descriptors here know nothing. */
const extension = { $unknown: [{ no: 1161, wireType: WireType.Varint, data: Uint8Array.of(1) }] };

function extended(rules: MessageInitShape<typeof FieldRulesSchema>) {
  const all = create(FieldRulesSchema, rules);
  return { ...all, type: { ...all.type, value: { ...all.type.value, ...extension } } } as never;
}

/** The first of `messages`, which may refer to each other as `.test.Name`. */
function schemaOf(...messages: readonly MessageInit[]): DescMessage {
  const file = create(FileDescriptorProtoSchema, {
    name: "test.proto",
    package: "test",
    syntax: "proto3",
    messageType: messages.map(({ rules, field, ...message }) => {
      const options = create(MessageOptionsSchema);
      if (rules !== undefined)
        setExtension(options, messageRules, create(MessageRulesSchema, rules));
      const fields = field.map(fieldProto);
      return create(DescriptorProtoSchema, { ...message, options, field: fields });
    }),
  });
  const schema = createFileRegistry(file, () => undefined).getMessage(`test.${messages[0]!.name}`);
  if (schema === undefined) throw new Error("the test's own message is missing");
  return schema;
}

function fieldProto({ rules, ...field }: FieldInit) {
  const options = create(FieldOptionsSchema);
  if (rules !== undefined) setExtension(options, fieldRules, create(FieldRulesSchema, rules));
  return create(FieldDescriptorProtoSchema, { label: FieldLabel.OPTIONAL, ...field, options });
}
