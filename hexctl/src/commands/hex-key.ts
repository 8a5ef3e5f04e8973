import { cellFault, type Key, parseKeyText } from "@hexhold/hex";
import { InvalidArgumentError } from "commander";

/** Reads a key text that was given on the command line: of a cell of the right resolution. */
export function hexKey(text: string): Key {
  let key: Key;
  try {
    key = parseKeyText(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  const fault = cellFault(key.hexId);
  if (fault === undefined) return key;
  throw new InvalidArgumentError(`${text} is no hex of the world (${fault})`);
}
