import type { DataDir } from "./data-dir.ts";
import type { Source } from "./resolution.ts";
import type { StackSecrets } from "./secrets.ts";
import type { ServiceHandle, ServiceName } from "./service-handle.ts";

/** What happens while a stack starts, for a progress display. */
export interface StackProgress {
  readonly service: ServiceName;
  /** `working`: a step that takes a while (building, installing); `lost` and `restarted`: later, after a death. */
  readonly phase: "looking" | "working" | "starting" | "ready" | "failed" | "lost" | "restarted";
  readonly message: string;
  /** Since the start of the stack. */
  readonly elapsedMs: number;
}

/** What each service's starter is given. */
export interface StartContext {
  readonly dataDir: DataDir;
  readonly secrets: StackSecrets;
  /** Repository root: `infra/` is found below it. */
  readonly checkout: string;
  readonly install: boolean;
  /** Sources that may be used; all by default. */
  readonly sources: readonly Source[];
  readonly report: (phase: StackProgress["phase"], message: string) => void;
  readonly signal?: AbortSignal;
  readonly onDeath: (handle: ServiceHandle, how: string) => void;
}
