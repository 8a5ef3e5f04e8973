/**
 * Environment of a process that the host starts: the host's, with what it says itself in `own`. Of an option that is in
 * `own` a file in the host's environment (`…_FILE`) is left out: it would be given twice.
 */
export function processEnv(
  env: Readonly<Record<string, string | undefined>>,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !(entry[0].replace(/_FILE$/, "") in own),
  );
  return { ...Object.fromEntries(kept), ...own };
}
