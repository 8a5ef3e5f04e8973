/** What players say. Pure. */

const codePointsMax = 256;
const bytesMax = 1024;

/** What is wrong with a text before it is sent, by the field rules of its contract; undefined: nothing. */
export function chatFault(text: string): string | undefined {
  if (text === "") return "There is nothing to send.";
  if (Array.from(text).length > codePointsMax || new TextEncoder().encode(text).length > bytesMax) {
    return `That is too long: at most ${codePointsMax} characters.`;
  }
  return undefined;
}
