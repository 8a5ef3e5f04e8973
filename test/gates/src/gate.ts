/** What one gate found. */
export interface GateOutcome {
  /** Each a text for people: what is wrong, where, and what to do. Empty = passed. */
  readonly failures: readonly string[];
  /** What a reader should know although nothing is wrong: a check that could not be made, say. */
  readonly notes?: readonly string[];
  /** How many things were checked, where that is more than the gate itself (the unit tests). */
  readonly counts?: { readonly passed: number; readonly failed: number; readonly skipped: number };
}

/** A check of the repository that needs no service. */
export interface Gate {
  /** One word or two, unique. */
  readonly name: string;
  /** Resolves also when something is wrong; rejects only when the gate itself is broken. */
  readonly run: (root: string) => Promise<GateOutcome>;
}
