/**
 * The private services of a development machine or a test run: started together, on free
 * loopback ports, with generated passwords and their data in one directory; gone when their
 * host is gone.
 */
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openDataDir, type DataDir } from "./data-dir.ts";
import { probeExternal } from "./external-service.ts";
import { startMongodb } from "./mongodb.ts";
import { startPostgres } from "./postgres.ts";
import { startRabbitmq } from "./rabbitmq.ts";
import { startRedis } from "./redis.ts";
import { ServiceNotFound, SOURCES, type Source } from "./resolution.ts";
import { loadSecrets } from "./secrets.ts";
import type { ServiceHandle, ServiceName } from "./service-handle.ts";
import type { StackProgress, StartContext } from "./start-context.ts";

export interface LocalStackOptions {
  /**
   * Where data, logs, lock and process record live. A path is opened (lock taken, leftovers
   * of a killed run ended) and closed by the stack; a host that keeps more than services in
   * it opens it itself and hands it over.
   */
  readonly dataDir: string | DataDir;
  readonly services: readonly ServiceName[];
  /** Services that run elsewhere: used as they are, checked for an answer, never stopped. */
  readonly urls?: Partial<Record<ServiceName, string | undefined>>;
  /** Services that may be missing when no source has them (`missing` says why). Default none. */
  readonly optional?: readonly ServiceName[];
  /** Whether system packages may be installed (`CI=true` counts as a yes too). */
  readonly install: boolean;
  /** Default: every source. For tests of one source. */
  readonly sources?: readonly Source[];
  /** Start a service again that died by itself (not by its handle's `kill`). Default true. */
  readonly restartDead?: boolean;
  readonly onProgress?: (progress: StackProgress) => void;
  /** Ends what the start itself runs (a build, initdb). Servers are ended through the ledger. */
  readonly signal?: AbortSignal;
}

export interface LocalStack {
  readonly services: Readonly<Partial<Record<ServiceName, ServiceHandle>>>;
  /** Optional services that no source had, with the reason. */
  readonly missing: Readonly<Partial<Record<ServiceName, string>>>;
  /** The handle, or an error that says that the stack was started without it. */
  readonly service: (name: ServiceName) => ServiceHandle;
  readonly dataDir: DataDir;
  /** Stops what was started, all at once; settles when no process of it is left. */
  readonly stop: () => Promise<void>;
  /** The same by SIGKILL: for a stack whose data are thrown away (RabbitMQ takes 6 s to stop in order). */
  readonly kill: () => Promise<void>;
}

const STARTERS: Record<ServiceName, (context: StartContext) => Promise<ServiceHandle>> = {
  postgres: startPostgres,
  rabbitmq: startRabbitmq,
  redis: startRedis,
  mongodb: startMongodb,
};

/** So many deaths within `streakMs` are followed by a restart at once; later ones wait. */
const restartsAtOnceMax = 5;
const streakMs = 60_000;
/** After a restart that failed; doubles. */
const pauseMsFirst = 250;
const pauseMsMax = 2_000;

/** The repository root, seen from this file. */
export const CHECKOUT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/**
 * Starts the services side by side. When one cannot be started, the others are stopped and
 * the error names every one that failed.
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const begun = performance.now();
  const ownsDataDir = typeof options.dataDir === "string";
  const dataDir =
    typeof options.dataDir === "string" ? await openDataDir(options.dataDir) : options.dataDir;
  const report = (service: ServiceName, phase: StackProgress["phase"], message: string): void => {
    options.onProgress?.({
      service,
      phase,
      message,
      elapsedMs: Math.round(performance.now() - begun),
    });
  };
  let stopping = false;
  const onDeath = restarter(
    () => !stopping && options.restartDead !== false,
    (handle, phase, message) => report(handle.name, phase, message),
  );
  const startOne = async (name: ServiceName): Promise<ServiceHandle> => {
    report(name, "looking", "");
    const url = options.urls?.[name];
    const handle =
      url === undefined
        ? await STARTERS[name]({
            dataDir,
            secrets: loadSecrets(dataDir.path),
            checkout: CHECKOUT,
            install: options.install,
            sources: options.sources ?? SOURCES,
            report: (phase, message) => report(name, phase, message),
            onDeath,
            ...(options.signal === undefined ? {} : { signal: options.signal }),
          })
        : await probeExternal(name, url);
    report(name, "ready", `${handle.version} (${handle.origin})`);
    return handle;
  };

  const missing: Partial<Record<ServiceName, string>> = {};
  const outcomes = await Promise.allSettled(
    options.services.map(async (name) => {
      try {
        return await startOne(name);
      } catch (error) {
        if (error instanceof ServiceNotFound && options.optional?.includes(name) === true) {
          missing[name] = error.message;
          return undefined;
        }
        report(name, "failed", error instanceof Error ? error.message : String(error));
        throw error;
      }
    }),
  );
  const handles = outcomes.flatMap((each) =>
    each.status === "fulfilled" && each.value !== undefined ? [each.value] : [],
  );
  const failures = outcomes.flatMap((each): unknown[] =>
    each.status === "rejected" ? [each.reason] : [],
  );
  const endAll = async (end: (handle: ServiceHandle) => Promise<void>): Promise<void> => {
    stopping = true;
    const ended = await Promise.allSettled(handles.map(end));
    if (ownsDataDir) dataDir.close();
    const failed = ended.flatMap((each): unknown[] =>
      each.status === "rejected" ? [each.reason] : [],
    );
    if (failed.length > 0) throw aggregated(failed);
  };
  const stop = (): Promise<void> => endAll((handle) => handle.stop());
  if (failures.length > 0) {
    await stop().catch(() => undefined);
    throw aggregated(failures);
  }
  const services: Partial<Record<ServiceName, ServiceHandle>> = Object.fromEntries(
    handles.map((handle) => [handle.name, handle]),
  );
  return {
    services,
    missing,
    service(name) {
      const handle = services[name];
      if (handle === undefined) {
        throw new Error(`The local stack was started without ${name}.`);
      }
      return handle;
    },
    dataDir,
    stop,
    kill: () =>
      endAll(async (handle) => {
        if (!handle.external) {
          await handle.kill();
          await handle.stop();
        }
      }),
  };
}

/** One error of several: that of the only one, or all messages in one. */
function aggregated(failures: readonly unknown[]): unknown {
  if (failures.length === 1) return failures[0];
  const messages = failures.map((each) => (each instanceof Error ? each.message : String(each)));
  return new AggregateError(failures, messages.join("\n"));
}

/**
 * Starts a dead service again, and again when that fails, ever more slowly up to every `pauseMsMax`, for as long as
 * the stack runs: what keeps it down (a full disk) may end.
 */
function restarter(
  isWanted: () => boolean,
  report: (handle: ServiceHandle, phase: "lost" | "restarted", message: string) => void,
): StartContext["onDeath"] {
  const deaths = new Map<ServiceName, number[]>();
  const pauseMsAfter = (handle: ServiceHandle): number => {
    const now = performance.now();
    const recent = (deaths.get(handle.name) ?? []).filter((at) => now - at < streakMs);
    deaths.set(handle.name, [...recent, now]);
    return recent.length < restartsAtOnceMax ? 0 : pauseMsMax;
  };
  const restart = async (handle: ServiceHandle): Promise<void> => {
    let said = "";
    await pause(pauseMsAfter(handle), undefined, { ref: false });
    for (let attempt = 1; isWanted(); attempt++) {
      try {
        await handle.restart();
        report(handle, "restarted", handle.version);
        return;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (message !== said) report(handle, "lost", message);
        said = message;
      }
      await pause(Math.min(pauseMsMax, pauseMsFirst * 2 ** (attempt - 1)), undefined, {
        ref: false,
      });
    }
  };
  return (handle, how) => {
    report(handle, "lost", how);
    if (isWanted()) void restart(handle);
  };
}
