/** `error` for the log: a driver's error quotes rows in its details; type, code, message and stack are enough. */
export function withoutRows(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const { name, message, stack } = error;
  const { code } = error as { readonly code?: unknown };
  return Object.assign(new Error(message), {
    name,
    stack,
    ...(typeof code === "string" ? { code } : {}),
  });
}
