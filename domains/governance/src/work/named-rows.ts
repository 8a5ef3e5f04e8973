/** What a message is about: rows that are locked before any message of its transaction is handled. */
import type { DomainMessage } from "@hexhold/domain";
import type { Place } from "../store/reputation-rows.ts";

export interface NamedRows {
  /** `exclusive`: how many it has of something is counted. `shared`: it stays open meanwhile. */
  readonly election?: { readonly id: string; readonly how: "shared" | "exclusive" };
  /** Who votes in that election. */
  readonly voter?: string;
  /** Who calls an election, and where. */
  readonly call?: Place;
  /** Whose points change. */
  readonly points?: readonly Place[];
  /** Whose residence changes. */
  readonly resident?: string;
}

export type NamesOf = (message: DomainMessage) => NamedRows;
