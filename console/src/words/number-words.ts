/** Whole numbers as people write and read them: amounts are int64, and never go through a double. */

const written = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** With a comma between thousands. */
export function amountWords(amount: bigint | number): string {
  return written.format(amount);
}

const int64Max = 2n ** 63n - 1n;

/** Reads a whole number from 0 to 2⁶³ − 1, with or without separators of thousands; undefined: it is none. */
export function amountOf(text: string): bigint | undefined {
  const digits = text.trim().replaceAll(/(?<=\d)[\s,'’_](?=\d{3}(?!\d))/gu, "");
  if (!/^[0-9]{1,19}$/.test(digits)) return undefined;
  const amount = BigInt(digits);
  return amount > int64Max ? undefined : amount;
}

/** A rate in thousandths as percent: `12.5 %`. */
export function rateWords(perMille: number): string {
  return `${perMille / 10} %`;
}

/** Reads percent with at most one decimal, 0 to 100, as thousandths; undefined: it is none. */
export function rateOf(text: string): number | undefined {
  const found = /^\s*(\d{1,3})(?:[.,](\d))?\s*%?\s*$/.exec(text);
  if (found === null) return undefined;
  const perMille = Number(found[1]) * 10 + Number(found[2] ?? 0);
  return perMille > 1000 ? undefined : perMille;
}
