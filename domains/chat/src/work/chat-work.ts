/**
 * What one transaction of chat has in memory: texts that were looked at, the accounts and channels that it has locked, and what
 * is said. All messages of a batch name their rows first: texts are looked at before anything is locked, then accounts are
 * locked, then channels, each in one order; the messages are handled one by one on that, and what was said is stored by set.
 */
import type { Message } from "@bufbuild/protobuf";
import type { DomainMessage, Transaction, Work } from "@hexhold/domain";
import type { Moderated, Moderator } from "../moderation/moderator.ts";
import { type ChannelKind, hexChannel, whisperChannel, worldChannel } from "../rules/channels.ts";
import type { Speaker, SpeakerRules } from "../rules/speaker.ts";
import { prepareText } from "../rules/text.ts";
import type { Days } from "../store/days.ts";
import {
  keepNumbers,
  lockChannels,
  type NewMessage,
  notePartners,
  type StoredWhisper,
  storeMessages,
} from "../store/message-rows.ts";
import { accountNamed, lockSpeakers, storeSpent } from "../store/speaker-rows.ts";
import type { NamesOf } from "./named-rows.ts";

export interface ChatWorkOptions {
  readonly namesOf: NamesOf;
  readonly moderator: Moderator;
  readonly rules: SpeakerRules & { readonly textCodePointsMax: number };
  readonly days: Pick<Days, "ensure">;
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
}

export class ChatWork implements Work {
  readonly #options: ChatWorkOptions;
  readonly #effects: (() => void)[] = [];
  /** Of the transaction: one for all of its messages. */
  readonly nowMs: number;
  /** Of the texts that are to be said. */
  readonly #texts = new Map<Message, Moderated>();
  /** Account to whom a whisper goes by a name. */
  readonly #named = new Map<Message, string | undefined>();
  /** Locked, by account; changed by handlers. */
  #speakers: Map<string, Speaker> = new Map();
  readonly #spent = new Set<string>();
  /** Last numbers of channels that are locked, as they were, and as they are now. */
  #locked: ReadonlyMap<string, bigint> = new Map();
  #numbers = new Map<string, bigint>();
  readonly #messages: NewMessage[] = [];
  readonly #whispers: StoredWhisper[] = [];

  constructor(options: ChatWorkOptions) {
    this.#options = options;
    this.nowMs = Math.floor(options.worldNow());
  }

  get rules(): SpeakerRules {
    return this.#options.rules;
  }

  async prepare(transaction: Transaction, messages: readonly DomainMessage[]): Promise<void> {
    const { namesOf, days } = this.#options;
    const named = messages.map((message) => ({ message: message.message, ...namesOf(message) }));
    await Promise.all(named.map((one) => this.#look(one)));
    const says = named.filter(({ message }) => this.#texts.get(message)?.kind === "said");
    if (says.length > 0) await days.ensure(this.nowMs);
    for (const { message, to } of says) {
      if (to?.name === undefined) continue;
      this.#named.set(message, await accountNamed(transaction, to.name));
    }
    const accounts = new Map<string, { make: boolean }>();
    for (const { account, make = false } of named) {
      if (account === undefined) continue;
      accounts.set(account, { make: make || accounts.get(account)?.make === true });
    }
    this.#speakers = await lockSpeakers(transaction, accounts);
    const channels = says.flatMap(
      ({ message, account, channel, to }) =>
        this.#channelOf(
          account!,
          channel,
          to === undefined ? undefined : this.receiver(message, to),
        ) ?? [],
    );
    this.#locked = await lockChannels(transaction, [...new Set(channels)]);
    this.#numbers = new Map(this.#locked);
  }

  /** Of a message that says something. */
  textOf(message: Message): Moderated {
    return this.#texts.get(message) ?? { kind: "refused" };
  }

  /** Account that a whisper is for; undefined: nobody is called so. */
  receiver(
    message: Message,
    to: { readonly account?: string | undefined; readonly name?: string | undefined },
  ): string | undefined {
    return to.account ?? this.#named.get(message);
  }

  /** An account that is locked. */
  speaker(account: string): Speaker | undefined {
    return this.#speakers.get(account);
  }

  /** Changes an account that is locked. */
  spend(speaker: Speaker): void {
    this.#speakers.set(speaker.account, speaker);
    this.#spent.add(speaker.account);
  }

  /** Says something in a channel that is locked; its number. */
  say(said: Omit<NewMessage, "seq">, to?: string): bigint {
    const before = this.#numbers.get(said.channel);
    if (before === undefined) throw new TypeError(`${said.channel} is not locked`);
    const seq = before + 1n;
    this.#numbers.set(said.channel, seq);
    this.#messages.push({ ...said, seq });
    if (to !== undefined) this.#whispers.push({ sender: said.account, receiver: to, seq });
    return seq;
  }

  /** With whom an account has begun to whisper in this transaction. */
  openedBy(account: string): readonly string[] {
    return this.#whispers.flatMap(({ sender, receiver }) => (sender === account ? receiver : []));
  }

  /** `effect` is run when the transaction is committed, and only then. It never throws. */
  afterCommit(effect: () => void): void {
    this.#effects.push(effect);
  }

  async flush(transaction: Transaction): Promise<void> {
    await storeMessages(transaction, this.#messages, this.nowMs);
    await keepNumbers(
      transaction,
      Array.from(this.#locked, ([channel, before]) => ({
        channel,
        before,
        after: this.#numbers.get(channel)!,
      })),
      this.nowMs,
    );
    await notePartners(transaction, this.#whispers, this.nowMs);
    await storeSpent(
      transaction,
      Array.from(this.#spent, (account) => this.#speakers.get(account)!),
    );
  }

  committed(): void {
    for (const effect of this.#effects) effect();
  }

  rolledBack(): void {
    this.#effects.length = 0;
  }

  async #look({
    message,
    account,
    text,
  }: {
    readonly message: Message;
    readonly account?: string | undefined;
    readonly text?: string | undefined;
  }): Promise<void> {
    if (text === undefined || account === undefined) return;
    const prepared = prepareText(text, this.#options.rules.textCodePointsMax);
    const looked =
      prepared.kind === "text"
        ? await this.#options.moderator(prepared.text, account)
        : ({ kind: "refused" } as const);
    this.#texts.set(message, looked);
  }

  /** Undefined: there is none, and what is said will be refused. */
  #channelOf(
    account: string,
    kind: ChannelKind | undefined,
    receiver: string | undefined,
  ): string | undefined {
    const { hex } = this.#speakers.get(account) ?? {};
    if (kind === "world") return worldChannel;
    if (kind === "hex") return hex === undefined ? undefined : hexChannel(hex);
    return receiver === undefined || receiver === account
      ? undefined
      : whisperChannel(account, receiver);
  }
}
