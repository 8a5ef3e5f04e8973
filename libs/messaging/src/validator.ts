import { create, type DescMessage } from "@bufbuild/protobuf";
import { createValidator, type ValidationResult, type Validator } from "@bufbuild/protovalidate";

/**
 * A validator that has compiled the rules of `schemas`. It would do so at the first message of each, which on
 * a busy machine holds up a process for as long as a second.
 */
export function compiledValidator(schemas: readonly DescMessage[]): Validator {
  const validator = createValidator();
  // Whether an empty message is valid does not matter.
  for (const schema of schemas) validator.validate(schema, create(schema));
  return validator;
}

/** What is wrong with a message, for people; undefined when nothing is. It may quote the message. */
export function ruleFault(result: ValidationResult): string | undefined {
  if (result.kind === "valid") return undefined;
  return result.kind === "invalid"
    ? result.violations.map(String).join("; ")
    : result.error.message;
}
