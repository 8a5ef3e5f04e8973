/** The URL that was given as an option, else by environment. Throws an error that says how to give it. */
export function urlOrSay(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  variable: string,
): string {
  const url = option ?? env[variable];
  if (url === undefined || url === "") throw new Error(`Give the URL by --url or by ${variable}.`);
  return url;
}
