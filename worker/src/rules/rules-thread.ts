/** Entry of the worker thread in which the rules run. */
import { randomBytes } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import type { CreateGame } from "@hexhold/actor";
import type { WorldShape } from "@hexhold/hex";
import { createRulesCore } from "./rules-core.ts";
import type {
  CapturedHex,
  DecideMoment,
  HexRecovery,
  HostDecision,
  RecoveryFault,
} from "./rules-host.ts";
import { packDecision, unpackCommands } from "./rules-wire.ts";
import { guard } from "./watchdog.ts";

export interface RulesThreadData {
  /** URL of the module that exports `createGame`. */
  readonly gameModule: string;
  readonly gameOptions: unknown;
  readonly world: WorldShape;
  /** Shared memory, see {@link progressCell}. */
  readonly progress: SharedArrayBuffer;
}

/**
 * Cells of the shared Int32Array by which the main thread sees at which command or hex the thread is, also when
 * the thread can no longer say so.
 */
export const progressCell = {
  /** Number of the request in hand, 0 = none. */
  request: 0,
  /** Index of the command, or of the hex, in that request. */
  index: 1,
  /** Raised at every request and command, at every hex that is loaded or captured, and at every event that is replayed. */
  beat: 2,
} as const;

export type RulesRequest = RulesWork & {
  /** Slots whose last decision stands: before the work itself. A message of its own would wake the thread twice. */
  readonly settled: readonly string[];
};

export type RulesWork =
  | {
      readonly id: number;
      readonly kind: "load";
      readonly slot: string;
      readonly hexes: readonly HexRecovery[];
      /** In which the bytes of `hexes` lie. */
      readonly memory: ArrayBuffer;
    }
  | {
      readonly id: number;
      readonly kind: "decide";
      readonly slot: string;
      readonly moment: DecideMoment;
      /** Packed. */
      readonly commands: Uint8Array<ArrayBuffer>;
      /** Guarded by the watchdog; see {@link RulesHost.decide}. */
      readonly limitMs: number | undefined;
    }
  | {
      readonly id: number;
      readonly kind: "capture";
      readonly slot: string;
      readonly keyTexts: readonly string[];
    }
  | { readonly id: 0; readonly kind: "rollback"; readonly slot: string }
  | {
      readonly id: 0;
      readonly kind: "forget";
      readonly slot: string;
      readonly keyTexts: readonly string[] | undefined;
      readonly keepVolatile: boolean;
    };

export type RulesReply =
  | { readonly kind: "ready" }
  | { readonly id: number; readonly kind: "loaded"; readonly faults: readonly RecoveryFault[] }
  | { readonly id: number; readonly kind: "decided"; readonly decision: Uint8Array<ArrayBuffer> }
  | { readonly id: number; readonly kind: "captured"; readonly hexes: readonly CapturedHex[] };

if (parentPort !== null) await serve(workerData as RulesThreadData, parentPort);

async function serve(data: RulesThreadData, port: NonNullable<typeof parentPort>): Promise<void> {
  const { createGame } = (await import(data.gameModule)) as { createGame: CreateGame };
  const core = createRulesCore(createGame(data.gameOptions), {
    random: drawer(),
    world: data.world,
  });
  const progress = new Int32Array(data.progress);
  const exit = process.exit.bind(process);
  process.exit = (code) => {
    if (Atomics.load(progress, progressCell.request) === 0) return exit(code);
    // It would take the actors of every slot along; a throw costs its own command only.
    throw new Error("the rules called process.exit");
  };
  const onStep = (index: number): void => {
    Atomics.store(progress, progressCell.index, index);
    Atomics.add(progress, progressCell.beat, 1);
  };
  const handle = (request: RulesRequest): RulesReply | undefined => {
    switch (request.kind) {
      case "load":
        return {
          id: request.id,
          kind: "loaded",
          faults: core.load(request.slot, request.hexes, onStep),
        };
      case "decide": {
        const commands = unpackCommands(request.commands);
        const decide = (): HostDecision =>
          core.decide(request.slot, request.moment, commands, onStep);
        const decision =
          request.limitMs === undefined
            ? decide()
            : decideWithin(request.limitMs, decide, () =>
                Atomics.load(progress, progressCell.index),
              );
        return { id: request.id, kind: "decided", decision: packDecision(decision) };
      }
      case "capture":
        return {
          id: request.id,
          kind: "captured",
          hexes: core.capture(request.slot, request.keyTexts, onStep),
        };
      case "rollback":
        core.rollback(request.slot);
        return undefined;
      default:
        core.forget(request.slot, request.keyTexts, request.keepVolatile);
        return undefined;
    }
  };
  port.on("message", (request: RulesRequest) => {
    Atomics.store(progress, progressCell.index, 0);
    Atomics.store(progress, progressCell.request, request.id);
    Atomics.add(progress, progressCell.beat, 1);
    for (const slot of request.settled) core.settle(slot);
    const reply = handle(request);
    Atomics.store(progress, progressCell.request, 0);
    if (reply !== undefined) {
      port.postMessage(reply, reply.kind === "decided" ? [reply.decision.buffer] : []);
    }
  });
  port.postMessage({ kind: "ready" } satisfies RulesReply);
}

/** `decide`, ended after `limitMs`; `at` is the index of the command that it was at. */
function decideWithin(limitMs: number, decide: () => HostDecision, at: () => number): HostDecision {
  const guarded = guard(decide, limitMs);
  if (guarded.end === "done") return guarded.value;
  const kind = guarded.end === "late" ? "overran" : "starved";
  const error = `one command took longer than ${limitMs} ms`;
  return { outcomes: [], fault: { kind, index: at(), error } };
}

/** 16 system bytes at a call, drawn in larger pieces. */
function drawer(): () => Uint8Array {
  let pool = new Uint8Array(0);
  let used = 0;
  return () => {
    if (used + 16 > pool.length) {
      pool = randomBytes(4096);
      used = 0;
    }
    used += 16;
    return pool.slice(used - 16, used);
  };
}
