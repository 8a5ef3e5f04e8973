import { readIfThere } from "@hexhold/config";
import type { z } from "zod";

/** A file that we wrote whole is not whole any more: a full disk, a foreign hand, a broken disk. */
export class OwnFileDamaged extends Error {
  readonly file: string;
  constructor(file: string, why: string, advice: string) {
    super(`${file} is damaged (${why}): ${advice}`);
    this.name = "OwnFileDamaged";
    this.file = file;
  }
}

/**
 * A JSON file of ours, checked; `undefined` only when there is none.
 *
 * @param advice what to do when it is damaged: a sentence with what is in it and where to get it again
 */
export function readOwnFile<S extends z.ZodType>(
  file: string,
  schema: S,
  advice: string,
): z.output<S> | undefined {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new OwnFileDamaged(file, text.trim() === "" ? "it is empty" : "it is no JSON", advice);
  }
  const parsed = schema.safeParse(content);
  if (!parsed.success) {
    const where = parsed.error.issues.map(({ path }) => path.join(".") || "all of it").join(", ");
    throw new OwnFileDamaged(file, `not as it was written: ${where}`, advice);
  }
  return parsed.data;
}
