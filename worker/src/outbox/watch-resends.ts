import type { PgPool } from "@hexhold/postgres";

const defaultEveryMs = 2000;

/**
 * Looks every `everyMs` (default 2 s) whether lanes were set back, and calls `onResend` when they were since the first
 * look. A look that fails is made again at the next turn.
 */
export function watchResends(
  pool: Pick<PgPool, "query">,
  onResend: () => void,
  everyMs = defaultEveryMs,
): NodeJS.Timeout {
  let known: string | undefined;
  let looking = false;
  const look = async (): Promise<void> => {
    const { rows } = await pool.query<{ number: string }>("SELECT number FROM world.resend");
    const number = rows[0]?.number;
    if (known !== undefined && number !== known) onResend();
    known = number;
  };
  return setInterval(() => {
    if (looking) return;
    looking = true;
    look()
      .catch(() => undefined)
      .finally(() => void (looking = false));
  }, everyMs).unref();
}
