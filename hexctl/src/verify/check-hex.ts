/** Folds the journal of one hex, row by row, and holds head, base and snapshot against it. Pure. */
import { fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Game, HexParts } from "@hexhold/actor";
import { bucketOf, type Key, keyText } from "@hexhold/hex";
import { type MessageRegistry, sha256 } from "@hexhold/messaging";
import type { SnapshotStanding, VerifyFault } from "./verify-report.ts";

export interface StoredHead {
  readonly hexVersion: number;
  readonly epoch: bigint;
}

/** Compacted state, behind which the journal goes on. */
export interface StoredBase {
  readonly hexVersion: number;
  readonly state: Uint8Array;
  readonly stateHash: Uint8Array;
  readonly stateFormat: number;
}

export interface StoredEvent {
  readonly hexVersion: number;
  readonly epoch: bigint;
  /** UUID text. */
  readonly eventId: string;
  readonly type: string;
  readonly payload: Uint8Array;
}

/** What of a snapshot is compared; its state need not be kept for that. */
export interface SnapshotDigest {
  readonly epoch: bigint;
  readonly hexVersion: number;
  /** UUID text of the event that made its version; undefined: older software has saved it. */
  readonly lastEventId: string | undefined;
  readonly stateFormat: number;
  /** As stored, hex digits. */
  readonly hash: string;
  /** SHA-256 of the state that is stored with it, hex digits. */
  readonly hashOfState: string;
}

/** All that is stored of a hex beside its journal. */
export interface StoredHex {
  readonly key: Key;
  /** Under which the rows lie. */
  readonly bucket: number;
  readonly head: StoredHead | undefined;
  readonly base: StoredBase | undefined;
  readonly snapshot: SnapshotDigest | undefined;
}

export interface HexVerdict {
  readonly key: Key;
  readonly faults: readonly VerifyFault[];
  readonly events: number;
  readonly snapshot: SnapshotStanding;
  /** The state that the journal folds to; undefined when it cannot be folded. */
  readonly parts: HexParts<Message, Message> | undefined;
}

export interface HexCheck {
  /** The next row of the journal; rows come by rising version. */
  event(row: StoredEvent): void;
  /** After the last row. */
  end(): HexVerdict;
}

export interface CheckRules {
  readonly game: Game;
  readonly registry: MessageRegistry;
  /**
   * Life of the database (`world.database_life`): epochs of this life are not below it. A snapshot with an older
   * epoch may be of a moment that this database has not seen; whoever meets it drops it.
   */
  readonly life: bigint;
  /** A snapshot that is behind, missing, or of another state format or history is a fault. */
  readonly exact: boolean;
}

const standingFaults: ReadonlySet<SnapshotStanding> = new Set(["ahead", "different", "unsound"]);
const exactFaults: ReadonlySet<SnapshotStanding> = new Set([
  "behind",
  "missing",
  "other-format",
  "other-history",
]);

/** Begins the check of `hex`. A fault ends the fold, not the check: what follows from it is not said again. */
export function checkHex(hex: StoredHex, rules: CheckRules): HexCheck {
  const { game, registry, exact } = rules;
  const { key, head, base, snapshot } = hex;
  const text = keyText(key);
  const faults: VerifyFault[] = [];
  const fault = (what: VerifyFault["what"], expected: string, found: string): void => {
    faults.push({ key: text, what, expected, found });
  };
  let parts: HexParts<Message, Message> | undefined;
  let begun = false;
  /** Version up to which `parts` is folded. */
  let at = 0;
  /** Version of the last row, folded or not. */
  let last = 0;
  let lastEpoch = 0n;
  let isAboveHead = false;
  let events = 0;
  let hashAtSnapshot: string | undefined;
  let eventAtSnapshot: string | undefined;

  const bucket = bucketOf(key);
  if (bucket !== hex.bucket) fault("key", `bucket ${bucket}`, `rows in bucket ${hex.bucket}`);

  const hashNow = (): string => hexOf(sha256(toBinary(game.hex.durableSchema, parts!.durable)));

  function reached(version: number): void {
    at = version;
    if (version === snapshot?.hexVersion) hashAtSnapshot = hashNow();
    if (version === base?.hexVersion && hashNow() !== hexOf(base.stateHash)) {
      fault("base", `hash ${hashNow()} at version ${version}`, hexOf(base.stateHash));
    }
  }

  /** Begins at the beginning when the journal does, else at the base. */
  function begin(firstVersion: number): void {
    begun = true;
    if (base === undefined || firstVersion === 1) {
      parts = game.hex.initialState(key);
      reached(0);
      return;
    }
    last = base.hexVersion;
    const hash = hexOf(sha256(base.state));
    if (base.stateFormat !== game.hex.stateFormat) {
      fault("base", `state format ${game.hex.stateFormat}`, String(base.stateFormat));
    } else if (hash !== hexOf(base.stateHash)) {
      fault("base", `hash ${hash} of its state`, hexOf(base.stateHash));
    } else {
      const durable = fromBinary(game.hex.durableSchema, base.state);
      parts = { durable, volatile: game.hex.initialState(key).volatile };
      reached(base.hexVersion);
    }
  }

  function fold(row: StoredEvent): void {
    if (parts === undefined || row.hexVersion <= at) return;
    if (row.hexVersion !== at + 1) {
      fault("journal", `version ${at + 1}`, `version ${row.hexVersion}`);
      parts = undefined;
      return;
    }
    const schema = registry.byType(row.type)?.schema as GenMessage<Message> | undefined;
    try {
      if (schema === undefined) throw new TypeError("the game has no such message");
      parts = game.hex.evolve(parts, fromBinary(schema, row.payload));
      reached(row.hexVersion);
    } catch (error) {
      const why = (error as Error).message;
      fault(
        "event",
        `an event that can be folded at version ${row.hexVersion}`,
        `${row.type}: ${why}`,
      );
      parts = undefined;
    }
  }

  function checkEpoch({ epoch, hexVersion }: StoredEvent): void {
    if (epoch < lastEpoch) {
      fault("epoch", `at least ${lastEpoch} at version ${hexVersion}`, String(epoch));
    }
    lastEpoch = epoch;
    if (head !== undefined && epoch > head.epoch && !isAboveHead) {
      isAboveHead = true;
      fault("epoch", `at most the head's ${head.epoch} at version ${hexVersion}`, String(epoch));
    }
  }

  function checkHead(): void {
    if (head === undefined) {
      if (last > 0) fault("head", `version ${last}`, "none");
    } else if (head.hexVersion !== last) {
      fault("head", `version ${last}, as the journal's last`, `version ${head.hexVersion}`);
    }
  }

  function standing(): SnapshotStanding {
    if (snapshot === undefined) return last > 0 ? "missing" : "equal";
    if (snapshot.hash !== snapshot.hashOfState) return "unsound";
    if (snapshot.stateFormat !== game.hex.stateFormat) return "other-format";
    const isOfThisLife = snapshot.epoch >= rules.life;
    if (snapshot.hexVersion > last) return isOfThisLife ? "ahead" : "other-history";
    if (hasOtherEvent()) return isOfThisLife ? "different" : "other-history";
    if (hashAtSnapshot === undefined) return parts === undefined ? "unknown" : "behind";
    if (hashAtSnapshot !== snapshot.hash) return "different";
    return snapshot.hexVersion < last ? "behind" : "equal";
  }

  function hasOtherEvent(): boolean {
    const named = snapshot?.lastEventId;
    return named !== undefined && eventAtSnapshot !== undefined && named !== eventAtSnapshot;
  }

  function snapshotFault(how: SnapshotStanding): void {
    const found = snapshot === undefined ? "none" : `version ${snapshot.hexVersion}`;
    if (how === "unsound") {
      fault("snapshot", `hash ${snapshot?.hashOfState} of its state`, snapshot?.hash ?? "");
    } else if (how === "different" && hasOtherEvent()) {
      fault("snapshot", `event ${eventAtSnapshot} at ${found}`, snapshot?.lastEventId ?? "");
    } else if (how === "different") {
      fault("snapshot", `hash ${hashAtSnapshot} at ${found}`, snapshot?.hash ?? "");
    } else if (how === "other-format") {
      fault("snapshot", `state format ${game.hex.stateFormat}`, String(snapshot?.stateFormat));
    } else {
      fault("snapshot", `version ${last}`, found);
    }
  }

  return {
    event(row) {
      events++;
      if (!begun) begin(row.hexVersion);
      checkEpoch(row);
      if (row.hexVersion === snapshot?.hexVersion) eventAtSnapshot = row.eventId;
      fold(row);
      last = Math.max(last, row.hexVersion);
    },
    end() {
      if (!begun) begin((base?.hexVersion ?? 0) + 1);
      checkHead();
      const how = standing();
      if (standingFaults.has(how) || (exact && exactFaults.has(how))) snapshotFault(how);
      return { key, faults, events, snapshot: how, parts };
    },
  };
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
