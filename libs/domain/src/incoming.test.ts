import { file_hexhold_hex_v1_commands } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import {
  file_hexhold_reference_v1_commands,
  GatherSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { anyone } from "@hexhold/messaging";
import { expect, it } from "vitest";
import { createBatchReader } from "./incoming.ts";
import { onCommand } from "./service-definition.ts";

it("a contract that names messages of another file is read with that file", () => {
  const handlers = [onCommand(GatherSchema, async () => ({ kind: "applied" }))];
  expect(() => createBatchReader(handlers)).toThrow(/NotResidentDetail is in none of the files/);
  const descriptors = [file_hexhold_reference_v1_commands, file_hexhold_hex_v1_commands];
  expect(createBatchReader(handlers, descriptors)(new Uint8Array(0), anyone)).toEqual([]);
});
