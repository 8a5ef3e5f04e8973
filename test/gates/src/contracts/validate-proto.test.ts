import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { expect, it } from "vitest";
import { runBin, validateProtoText } from "../generate.ts";

/** What buf makes of `text` as buf/validate/validate.proto, alone in a module. */
function compile(text: string) {
  const root = mkdtempSync(path.join(tmpdir(), "hexhold-validate-"));
  try {
    mkdirSync(path.join(root, "buf/validate"), { recursive: true });
    writeFileSync(path.join(root, "buf/validate/validate.proto"), text);
    writeFileSync(path.join(root, "buf.yaml"), "version: v2\n");
    runBin("buf", ["build", "--exclude-source-info", "-o", "image.binpb"], root);
    const { file } = fromBinary(
      FileDescriptorSetSchema,
      readFileSync(path.join(root, "image.binpb")),
    );
    const found = file.find(({ name }) => name === "buf/validate/validate.proto");
    if (found === undefined) throw new Error("buf built something else");
    return found;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** A descriptor as JSON, without what says nothing: the order of fields, and JSON names, which follow from names. */
function normal(file: FileDescriptorProto): unknown {
  const registry = createRegistry(file_buf_validate_validate);
  const json = toJson(FileDescriptorProtoSchema, file, { registry });
  return JSON.parse(JSON.stringify(json), (key, value: unknown) => {
    if (key === "jsonName") return undefined;
    if ((key === "field" || key === "extension") && Array.isArray(value)) {
      return (value as { number: number }[]).toSorted((a, b) => a.number - b.number);
    }
    return value;
  });
}

it("what buf compiles from the printed validate.proto is the descriptor that protovalidate embeds", () => {
  const compiled = compile(validateProtoText());
  expect(normal(compiled)).toEqual(normal(file_buf_validate_validate.proto));
}, 30_000);

it("a rule that the printer forgot would be noticed (control)", () => {
  const compiled = compile(validateProtoText().replace(/^optional bool unique = 3.*$/m, ""));
  expect(normal(compiled)).not.toEqual(normal(file_buf_validate_validate.proto));
}, 30_000);
