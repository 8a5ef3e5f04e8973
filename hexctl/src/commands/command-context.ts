/** What every command of hexctl is given. */
export interface CommandContext {
  /** Repository root. */
  readonly checkout: string;
  /** Absolute; not necessarily there yet. */
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the process exits with; commands set it, or throw. */
  exitCode: number;
}
