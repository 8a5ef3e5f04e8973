/** Looks of a bench into the database of a world. */
import { withConnection } from "@hexhold/postgres";

const waitMsMax = 120_000;
const lookEveryMs = 50;

export function runSql<Row extends object>(url: string, text: string): Promise<Row[]> {
  const settings = { url, applicationName: "bench", statementTimeoutMs: 60_000 };
  return withConnection(settings, async (client) => (await client.query<Row>(text)).rows);
}

/** @param rows a table, and what else stands behind FROM. */
export async function countOf(url: string, rows: string): Promise<number> {
  const [row] = await runSql<{ n: number }>(url, `SELECT count(*)::int AS n FROM ${rows}`);
  return row?.n ?? 0;
}

/** Resolves when there are `count`; rejects after two minutes. */
export async function untilCount(url: string, rows: string, count: number): Promise<void> {
  const endMs = performance.now() + waitMsMax;
  const settings = { url, applicationName: "bench" };
  await withConnection(settings, async (client) => {
    for (;;) {
      const { rows: found } = await client.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM ${rows}`,
      );
      if (found[0]?.n === count) return;
      if (performance.now() > endMs) throw new Error(`${rows}: ${found[0]?.n} rows, not ${count}`);
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  });
}
