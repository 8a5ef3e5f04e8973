import { create, type DescMessage } from "@bufbuild/protobuf";
import { createValidator, type ValidationResult, type Validator } from "@bufbuild/protovalidate";
import { type PlainCheck, plainCheckOf } from "./plain-rules.ts";

/**
 * A validator that has compiled the rules of `schemas`. It would do so at the first message of each, which on
 * a busy machine holds up a process for as long as a second. What plainly keeps its rules does not get as far
 * as the validator.
 */
export function compiledValidator(schemas: readonly DescMessage[]): Validator {
  const validator = createValidator();
  const plain = new Map<DescMessage, PlainCheck>();
  for (const schema of schemas) {
    // Whether an empty message is valid does not matter.
    validator.validate(schema, create(schema));
    const check = plainCheckOf(schema);
    if (check !== undefined) plain.set(schema, check);
  }
  return {
    validate(schema, message) {
      if (plain.get(schema)?.(message) !== true) return validator.validate(schema, message);
      return { kind: "valid", message } as ReturnType<typeof validator.validate<typeof schema>>;
    },
  };
}

/** What is wrong with a message, for people; undefined when nothing is. It may quote the message. */
export function ruleFault(result: ValidationResult): string | undefined {
  if (result.kind === "valid") return undefined;
  return result.kind === "invalid"
    ? result.violations.map(String).join("; ")
    : result.error.message;
}
