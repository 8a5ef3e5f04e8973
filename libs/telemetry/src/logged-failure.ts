/**
 * Of failures in a row, counted from 0, whether this one has a line in the log: the first and then every 20th. With
 * two seconds between attempts an outage is told at once and then every 40 s, and floods nothing.
 */
export function isLoggedFailure(failures: number): boolean {
  return failures % 20 === 0;
}
