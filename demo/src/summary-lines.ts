/** A result in words, for a terminal. Pure. */
import { countText } from "./count-text.ts";
import { drawPlot, type Mark } from "./draw-plot.ts";
import { economyLines } from "./economy/economy-lines.ts";
import type { DemoResult, ResultFault } from "./result.ts";
import type { Transfers } from "./tally.ts";

/** Lines without the closing one. */
export function summaryLines(result: DemoResult): string[] {
  const { commands, client, faults, series, checks } = result;
  const marks = faultMarks(faults);
  const plot = drawPlot(
    series.map(({ applied, refused }) => applied + refused),
    marks,
  );
  return [
    "",
    row(
      "commands",
      `${countText(commands.commands)} in ${result.seconds.toFixed(0)} s, ${commands.perSecond.toFixed(0)}/s: ${kinds(commands.byKind)}`,
    ),
    row(
      "answers",
      `applied ${countText(commands.applied)}, refused ${countText(commands.refused)}, errors ${countText(commands.errors)}`,
    ),
    ...reasons("refused", commands.refusalsByReason),
    ...reasons("errors", commands.errorsByReason),
    row(
      "latency",
      `p50 ${ms(commands.p50Ms)}, p95 ${ms(commands.p95Ms)}, p99 ${ms(commands.p99Ms)}, slowest ${ms(commands.maxMs)}`,
    ),
    row("transfers", transfersText(commands.transfers)),
    row(
      "views",
      `${countText(client.states)} states, ${countText(client.events)} events, gaps ${client.gapsUnnoticed} unnoticed, ${client.gapsNoticed} healed`,
    ),
    row(
      "sessions",
      `${client.welcomes} connections of ${result.bots} bots, ${client.repetitions} commands sent again, ${client.unknownAnswers} answers UNKNOWN_OUTCOME on the way`,
    ),
    ...faults.map((fault) => row("fault", faultText(fault))),
    "",
    "  applied and refused a second",
    ...plot.map((line) => `  ${line}`),
    "",
    ...(result.economy === undefined ? [] : [...economyLines(result.economy, marks), ""]),
    ...checks.map(({ name, passed, detail }) => `  ${passed ? "✔" : "✘"} ${name} (${detail})`),
  ];
}

/** Faults as marks of a plot over seconds. */
export function faultMarks(faults: readonly Pick<ResultFault, "kind" | "name" | "atMs">[]): Mark[] {
  return faults.map(({ kind, name, atMs }) => ({
    at: atMs / 1000,
    label: `${kind} ${name} at ${(atMs / 1000).toFixed(1)} s`,
  }));
}

function faultText({ kind, name, atMs, runsAgainMs, slowestMs }: ResultFault): string {
  const again = runsAgainMs === undefined ? "" : `runs again after ${ms(runsAgainMs)}, `;
  return `${kind} ${name} at ${(atMs / 1000).toFixed(1)} s: ${again}the slowest command near it took ${ms(slowestMs)}`;
}

function transfersText({ arrived, returned, unknown, ...rest }: Transfers): string {
  const why = Object.entries(rest.returnsByReason).map(
    ([reason, n]) => `${reason} ${countText(n)}`,
  );
  const said = why.length === 0 ? "" : ` (${why.join(", ")})`;
  return `${countText(arrived)} arrived, ${countText(returned)} came back${said}, ${unknown} unknown; p50 ${ms(rest.p50Ms)}, p95 ${ms(rest.p95Ms)}`;
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(9)} ${text}`;
}

function kinds(byKind: DemoResult["commands"]["byKind"]): string {
  return Object.entries(byKind)
    .map(([kind, number]) => `${kind} ${countText(number)}`)
    .join(", ");
}

/** The most frequent first. */
function reasons(name: string, byReason: Readonly<Record<string, number>>): string[] {
  return Object.entries(byReason)
    .toSorted(([, a], [, b]) => b - a)
    .map(([reason, number]) => row("", `${name}: ${reason} ${countText(number)}`));
}

function ms(value: number): string {
  return value < 1000 ? `${value.toFixed(1)} ms` : `${(value / 1000).toFixed(2)} s`;
}
