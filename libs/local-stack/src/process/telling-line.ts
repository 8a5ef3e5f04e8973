/** What a program printed last, as part of our own message. */

const linesMax = 8;
/** How programs mark what went wrong: PostgreSQL, Redis, Erlang, Go, Node. */
const telling = /\b(panic|fatal|error|failed|could not|cannot|can't|denied|no space|refused)\b/i;
/** Of PostgreSQL, behind what went wrong. */
const comment =
  /\b(hint|detail|context|statement):|database system is shut down|removing (data|contents)/i;

/**
 * One sentence, `what: the line that tells why`, and below it the last lines that were printed, if they say more.
 *
 * @param output what the program printed, as much of it as is known
 */
export function sentenceOf(what: string, output: string): string {
  const lines = output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const why =
    lines.findLast((line) => telling.test(line) && !comment.test(line)) ??
    lines.findLast((line) => !comment.test(line));
  if (why === undefined) return `${what}; it printed nothing.`;
  const last = lines.slice(-linesMax);
  const below = last.length > 1 ? `\n${last.map((line) => `  | ${line}`).join("\n")}` : "";
  return `${what}: ${why}${below}`;
}
