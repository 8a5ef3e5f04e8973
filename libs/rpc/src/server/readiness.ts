/** The answer to `GET /readyz`: 200, or 503 and what is missing, in words for people. */
export function readiness(missing: readonly string[]): {
  readonly status: number;
  readonly text: string;
} {
  const ready = missing.length === 0;
  return { status: ready ? 200 : 503, text: `${JSON.stringify({ ready, missing })}\n` };
}
