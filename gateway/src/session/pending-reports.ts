/**
 * What the accounts service is still to be told of the sessions here, and in which order: pure, one report at a time.
 *
 * Modes:
 * - listing: reports name all sessions that were held when the list began; at the start, and whenever a list is wanted.
 * - changes: reports name what has begun or ended since; without any they say that the gateway lives.
 * A report is in hand until it is answered, and the same until then: whether it was taken is not known before.
 */

/** A session, as it is reported. */
export interface ReportedSession<Session> {
  readonly session: Session;
  /** False: it is gone. */
  readonly held: boolean;
}

export interface PendingReport<Session> {
  readonly kind: "list" | "changes";
  /** One more than that of the report before. */
  readonly number: number;
  readonly listBegins: boolean;
  readonly listEnds: boolean;
  readonly sessions: readonly ReportedSession<Session>[];
}

export interface PendingReportsOptions<Session> {
  /** The sessions that are open. */
  readonly held: () => Iterable<Session>;
  /** Unique among all sessions. */
  readonly idOf: (session: Session) => string;
  /** Sessions in one report. Default 250, which makes some 14 KiB. */
  readonly sessionsMax?: number;
  /** Changes that wait. Beyond it the oldest are dropped, and the next report begins a list. Default 50,000. */
  readonly changesMax?: number;
}

export class PendingReports<Session> {
  readonly #options: PendingReportsOptions<Session>;
  readonly #sessionsMax: number;
  readonly #changesMax: number;
  #changes = new Map<string, ReportedSession<Session>>();
  /** Rest of the list; undefined: no list is under way. */
  #list: Session[] | undefined;
  #isListWanted = true;
  #number = 0;
  #inHand: PendingReport<Session> | undefined;

  constructor(options: PendingReportsOptions<Session>) {
    this.#options = options;
    this.#sessionsMax = options.sessionsMax ?? 250;
    this.#changesMax = options.changesMax ?? 50_000;
  }

  /** Whether there is anything to tell but that the gateway lives. */
  get isAny(): boolean {
    return (
      this.#inHand !== undefined ||
      this.#isListWanted ||
      this.#list !== undefined ||
      this.#changes.size > 0
    );
  }

  /** A session has begun, or is gone; of one session the last word counts. */
  changed(session: Session, held: boolean): void {
    const id = this.#options.idOf(session);
    this.#changes.delete(id);
    this.#changes.set(id, { session, held });
    if (this.#changes.size <= this.#changesMax) return;
    this.#changes.delete(this.#changes.keys().next().value!);
    this.#isListWanted = true;
  }

  /** The report to send now: the one in hand, else the next. */
  get next(): PendingReport<Session> {
    return (this.#inHand ??= this.#compose());
  }

  /** The report in hand has been answered. */
  answered(isListWanted: boolean): void {
    const told = this.#inHand;
    this.#inHand = undefined;
    if (!isListWanted || told === undefined) return;
    this.#isListWanted = true;
    if (told.kind === "list") return;
    // Nothing of it was taken. What has changed since is the last word.
    const later = this.#changes;
    this.#changes = new Map(told.sessions.map((each) => [this.#options.idOf(each.session), each]));
    for (const { session, held } of later.values()) this.changed(session, held);
  }

  #compose(): PendingReport<Session> {
    const number = ++this.#number;
    const listBegins = this.#isListWanted;
    if (listBegins) {
      this.#list = [...this.#options.held()];
      this.#isListWanted = false;
    }
    if (this.#list !== undefined) {
      const sessions = this.#list.splice(0, this.#sessionsMax);
      const listEnds = this.#list.length === 0;
      if (listEnds) this.#list = undefined;
      return {
        kind: "list",
        number,
        listBegins,
        listEnds,
        sessions: sessions.map((session) => ({ session, held: true })),
      };
    }
    const sessions = [...this.#changes.entries()].slice(0, this.#sessionsMax);
    for (const [id] of sessions) this.#changes.delete(id);
    return {
      kind: "changes",
      number,
      listBegins: false,
      listEnds: false,
      sessions: sessions.map(([, change]) => change),
    };
  }
}
