import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { ControlService } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { expect, test } from "vitest";
import { indexDescriptors } from "./descriptor-index.ts";
import { type Answer, answer } from "./reflection.ts";

const index = indexDescriptors([ControlService, AdminService]);

function fileNames(given: Answer): string[] {
  if (given.case !== "fileDescriptorResponse") throw new Error(JSON.stringify(given.value));
  return given.value.fileDescriptorProto.map(
    (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
  );
}

test("services are listed by full name", () => {
  expect(answer({ case: "listServices", value: "" }, index)).toEqual({
    case: "listServicesResponse",
    value: {
      service: [
        { name: "hexhold.admin.v1.AdminService" },
        { name: "hexhold.control.v1.ControlService" },
      ],
    },
  });
});

test.each([
  "hexhold.control.v1.ControlService",
  "hexhold.control.v1.ControlService.Register",
  "hexhold.control.v1.HeldSlot",
  "hexhold.control.v1.HeldSlot.epoch",
  "hexhold.control.v1.WatchAssignmentsResponse.assignment",
  "hexhold.control.v1.ProcessKind",
  "hexhold.control.v1.PROCESS_KIND_WORKER",
])("%s is found in its file, which comes first, with all that it imports", (value) => {
  const names = fileNames(answer({ case: "fileContainingSymbol", value }, index));
  expect(names[0]).toBe("hexhold/control/v1/control.proto");
  expect(names).toContain("buf/validate/validate.proto");
  expect(names).toContain("google/protobuf/descriptor.proto");
});

test("files are found by the name under which they are imported", () => {
  const value = "buf/validate/validate.proto";
  expect(fileNames(answer({ case: "fileByFilename", value }, index))[0]).toBe(value);
});

test("extensions are found by number, and their numbers listed", () => {
  const containingType = "google.protobuf.FieldOptions";
  const numbers = answer({ case: "allExtensionNumbersOfType", value: containingType }, index);
  expect(numbers).toMatchObject({
    value: { baseTypeName: containingType, extensionNumber: [1159, 1160] },
  });
  const value = { containingType, extensionNumber: 1159 };
  expect(fileNames(answer({ case: "fileContainingExtension", value }, index))[0]).toBe(
    "buf/validate/validate.proto",
  );
});

test.each([
  { case: "fileByFilename", value: "no/such.proto" },
  { case: "fileContainingSymbol", value: "no.such.Thing" },
  { case: "allExtensionNumbersOfType", value: "no.such.Thing" },
  {
    case: "fileContainingExtension",
    value: { containingType: "no.such.Thing", extensionNumber: 1 },
  },
] as const)("what is not there is NOT_FOUND as an answer: $case", (question) => {
  expect(answer(question, index)).toMatchObject({
    case: "errorResponse",
    value: { errorCode: 5, errorMessage: expect.stringContaining("such") as string },
  });
});
