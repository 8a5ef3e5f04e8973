import { create, type DescMessage } from "@bufbuild/protobuf";
import { createValidator, type ValidationResult, type Validator } from "@bufbuild/protovalidate";
import { type PlainCheck, plainCheckOf } from "./plain-rules.ts";

/** A process that has just begun has better things to do than to compile rules that nobody has broken. */
const firstCompileMs = 5000;
/** Between two messages' rules, each of which takes up to some tens of milliseconds. */
const nextCompileMs = 100;

/**
 * A validator of `schemas`. Compiling the rules of a message takes the validator some tens of milliseconds, on a busy
 * machine as many hundreds, which no message should wait for. What plainly keeps its rules does not get as far as the
 * validator, so the rules of such messages are compiled in the background, from 5 s after the start; those of the others
 * before this returns.
 */
export function compiledValidator(schemas: readonly DescMessage[]): Validator {
  const validator = createValidator();
  const plain = new Map<DescMessage, PlainCheck>();
  // Whether an empty message is valid does not matter.
  const compile = (schema: DescMessage): void => void validator.validate(schema, create(schema));
  for (const schema of schemas) {
    const check = plainCheckOf(schema);
    if (check === undefined) compile(schema);
    else plain.set(schema, check);
  }
  const later = [...plain.keys()];
  const compileNext = (): void => {
    const schema = later.shift();
    if (schema === undefined) return;
    compile(schema);
    setTimeout(compileNext, nextCompileMs).unref();
  };
  setTimeout(compileNext, firstCompileMs).unref();
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
