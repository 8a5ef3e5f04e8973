/** What a message is about: rows that are locked before any message of its transaction is handled. */
import type { DomainMessage } from "@hexhold/domain";
import type { ChannelKind } from "../rules/channels.ts";

export interface NamedRows {
  /** Is locked. */
  readonly account?: string;
  /** It is made when it is not there. */
  readonly make?: boolean;
  /** The account says this. */
  readonly text?: string;
  readonly channel?: ChannelKind;
  /** Of a whisper. */
  readonly to?: { readonly account?: string | undefined; readonly name?: string | undefined };
}

export type NamesOf = (message: DomainMessage) => NamedRows;
