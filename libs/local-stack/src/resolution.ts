/**
 * Where a service comes from, in this order:
 * 1. a URL in the configuration or environment,
 * 2. a binary on PATH or in the usual places,
 * 3. a binary carried by an npm package,
 * 4. a container, if an engine answers,
 * 5. `apt-get`, when root on Debian or Ubuntu **and** asked to (`--install`, or `CI=true`),
 * 6. a download or a build,
 * 7. else a message that says what to install.
 */
export const SOURCES = ["url", "system", "npm", "container", "apt", "build", "download"] as const;
export type Source = (typeof SOURCES)[number];

export interface ResolutionStep<T> {
  readonly source: Source;
  /** The thing, or the reason why this source has none. Throws only for what is worth stopping at. */
  readonly attempt: () => Promise<T | NotHere>;
}

export interface NotHere {
  readonly notHere: string;
}

export function notHere(reason: string): NotHere {
  return { notHere: reason };
}

/** No source had the service. The message lists each with its reason, then what to install. */
export class ServiceNotFound extends Error {
  readonly service: string;
  constructor(
    service: string,
    reasons: readonly { source: Source; reason: string }[],
    advice: string,
  ) {
    const tried = reasons.map(({ source, reason }) => `  ${source}: ${reason}`).join("\n");
    super(`${service} cannot be had on this machine.\n${tried}\n${advice}`);
    this.name = "ServiceNotFound";
    this.service = service;
  }
}

/**
 * Takes the steps in order and returns the first find. Steps of sources not among the allowed
 * ones are passed over; after an abort no further step is taken.
 */
export async function resolveFirst<T extends object>(
  service: string,
  steps: readonly ResolutionStep<T>[],
  advice: string,
  limits: { readonly sources?: readonly Source[]; readonly signal?: AbortSignal } = {},
): Promise<T> {
  const allowed = limits.sources ?? SOURCES;
  const reasons: { source: Source; reason: string }[] = [];
  for (const step of steps) {
    if (!allowed.includes(step.source)) {
      reasons.push({ source: step.source, reason: "switched off for this start" });
      continue;
    }
    limits.signal?.throwIfAborted();
    const result = await step.attempt();
    if (!("notHere" in result)) {
      return result;
    }
    reasons.push({ source: step.source, reason: result.notHere });
  }
  throw new ServiceNotFound(service, reasons, advice);
}
