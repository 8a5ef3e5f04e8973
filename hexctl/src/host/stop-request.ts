import { readFileSync } from "node:fs";
import { identityOf, isRunning, parentOf, type ProcessIdentity } from "@hexhold/local-stack";

import { onFault } from "./faults.ts";

const PARENT_CHECK_MS = 500;

export interface StopRequest {
  /** Settles with the reason as soon as somebody wants this process to end. */
  readonly requested: Promise<string>;
  /** The fault that nobody caught and for which it ends; `undefined` for any other reason. */
  readonly fault: () => { readonly error: unknown } | undefined;
  /** Whether it was a signal that is asked for the second time: no more waiting then. */
  readonly onSecond: (hurry: () => void) => void;
  readonly end: () => void;
}

/**
 * Waits for Ctrl-C, SIGTERM, SIGHUP, the death of the parent (unless `outliveParent`), or a fault that nobody caught.
 *
 * `npm start` puts npm, a shell and pnpm between the user and this process, and a SIGTERM to
 * the pid of `npm start` reaches none of those behind it: so every npm or pnpm above us is
 * watched, not the direct parent alone.
 */
export function awaitStopRequest(options: { readonly outliveParent: boolean }): StopRequest {
  let settle: (reason: string) => void = () => undefined;
  let hurry: () => void = () => undefined;
  let asked = false;
  const requested = new Promise<string>((resolve) => {
    settle = resolve;
  });
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) {
      hurry();
    }
    asked = true;
    settle(signal);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) {
    process.on(signal, onSignal);
  }
  let fault: { readonly error: unknown } | undefined;
  const endFaults = onFault((error) => {
    fault ??= { error };
    settle(`a fault: ${error instanceof Error ? error.message : String(error)}`);
  });
  const parents = options.outliveParent ? [] : startersOf(process.pid);
  const timer = setInterval(() => {
    const gone = parents.find(isGone);
    if (gone !== undefined) {
      settle(`the process that started it (pid ${gone.pid}) is gone`);
    }
  }, PARENT_CHECK_MS).unref();
  return {
    requested,
    fault: () => fault,
    onSecond(callback) {
      hurry = callback;
    },
    end() {
      endFaults();
      clearInterval(timer);
      for (const signal of signals) {
        process.removeListener(signal, onSignal);
      }
    },
  };
}

/** Certainly gone: when it cannot be found out now (no descriptor is left), the next look tells. */
function isGone(parent: ProcessIdentity): boolean {
  try {
    return !isRunning(parent);
  } catch {
    return false;
  }
}

/** The parent, and the npm, npx, pnpm and shells of theirs above it. Init is nobody's starter. */
function startersOf(pid: number): ProcessIdentity[] {
  const starters: ProcessIdentity[] = [];
  let above = parentOf(pid);
  while (above !== undefined && above > 1) {
    const identity = identityOf(above);
    if (identity === undefined || (starters.length > 0 && !isPackageRunner(above))) {
      break;
    }
    starters.push(identity);
    above = parentOf(above);
  }
  return starters;
}

function isPackageRunner(pid: number): boolean {
  try {
    return /\b(p?npm|npx|pnpx|corepack|yarn)\b/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
  } catch {
    return false;
  }
}
