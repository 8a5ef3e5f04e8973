/** One line of `hexctl doctor`. */
export interface Finding {
  /** `missing`: something that is needed, without which it does not work. `warn`: it works, with less. */
  readonly state: "ok" | "missing" | "warn";
  readonly what: string;
  /** What to do; absent where nothing is. */
  readonly todo?: string;
}

export function ok(what: string): Finding {
  return { state: "ok", what };
}

export function missing(what: string, todo: string): Finding {
  return { state: "missing", what, todo };
}

export function warn(what: string, todo: string): Finding {
  return { state: "warn", what, todo };
}

/** For people; what to do stands below what it is about. */
export function findingLines({ state, what, todo }: Finding): string[] {
  const line = `${state.padEnd(8)} ${what}`;
  return todo === undefined ? [line] : [line, `${" ".repeat(9)}→ ${todo}`];
}
