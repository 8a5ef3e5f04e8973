/** A plot for a terminal: columns over time, marks below. Pure. */

export interface Mark {
  /** Place on the axis, in columns' own units (seconds). */
  readonly at: number;
  readonly label: string;
}

const rowsMax = 8;
const columnsMax = 72;
const eighths = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/**
 * Draws `values`, one a second, as columns of at most 8 lines, and `marks` below them. More than 72 values are
 * averaged, so that it fits a terminal. No values: no lines.
 */
export function drawPlot(values: readonly number[], marks: readonly Mark[]): string[] {
  if (values.length === 0) return [];
  const perColumn = Math.ceil(values.length / columnsMax);
  const columns = Array.from({ length: Math.ceil(values.length / perColumn) }, (_, i) => {
    const part = values.slice(i * perColumn, (i + 1) * perColumn);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
  const top = Math.max(...columns, 1);
  const width = String(Math.round(top)).length;
  const lines = Array.from({ length: rowsMax }, (_, row) => {
    const floor = rowsMax - 1 - row;
    const label = row === 0 ? String(Math.round(top)) : "";
    const cells = columns.map((value) => {
      const filled = Math.round((value / top) * rowsMax * 8) - floor * 8;
      return eighths[Math.min(8, Math.max(0, filled))];
    });
    return `${label.padStart(width)} ┤${cells.join("")}`.trimEnd();
  });
  lines.push(`${"0".padStart(width)} └${"─".repeat(columns.length)} ${values.length} s`);
  for (const { at, label } of marks) {
    const column = Math.min(columns.length - 1, Math.floor(at / perColumn));
    lines.push(`${" ".repeat(width + 2 + column)}▲ ${label}`);
  }
  return lines;
}
