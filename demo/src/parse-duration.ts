const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a text such as `500ms`, `5s`, `1.5m` or `1h`; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const factor = unitMs[unit];
  return digits === undefined || factor === undefined
    ? undefined
    : Math.round(Number(digits) * factor);
}
