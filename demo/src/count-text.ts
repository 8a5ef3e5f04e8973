/** A number for people: `12,345`. */
export function countText(number: number): string {
  return number.toLocaleString("en-GB");
}
