import { InvalidArgumentError } from "commander";

/** Reads the value of an option: a whole number of at least 1, and of at most `max` where there is one. */
export function wholeNumber(max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= 1 && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? "of at least 1" : `from 1 to ${max}`;
    throw new InvalidArgumentError(`"${text}" is no whole number ${range}`);
  };
}
