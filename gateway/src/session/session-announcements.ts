/**
 * One session an account, whichever gateways it knocks at: each tells the others when a session begins, and the
 * older one is closed. What is told may be lost, so everything is told again now and then and after a reconnect.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  file_hexhold_edge_v1_events,
  SessionBegunSchema,
} from "@hexhold/gen/hexhold/edge/v1/events_pb";
import { type Envelope, ViewBatchSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  accountsTopic,
  type Bus,
  createMessageRegistry,
  encodeEnvelope,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";

/** An account's session, as it is told. */
export interface AnnouncedSession {
  readonly accountId: Uint8Array;
  readonly sessionId: Uint8Array;
}

export interface SessionAnnouncementsOptions {
  readonly bus: Bus;
  readonly instance: string;
  readonly version: string;
  /** Of this gateway: its own announcements come back to it. */
  readonly incarnation: string;
  readonly worldNow: () => number;
  /** All that are open here. */
  readonly held: () => Iterable<AnnouncedSession>;
  /** Another gateway has this session. Returns the one that is newer here, to be told again. */
  readonly onBegun: (account: string, sessionId: Uint8Array) => AnnouncedSession | undefined;
}

export interface SessionAnnouncements {
  begun(session: AnnouncedSession): void;
  /** Tells of every session: the connection is new, and announcements were missed on both sides. */
  tellAll(): void;
  /** False: it is of another kind. Throws when it cannot be read. */
  onAnnouncement(envelope: Envelope): boolean;
  stop(): void;
}

/** A lost announcement leaves two sessions of one account open for so long at most. */
const tellAllEveryMs = 30_000;
/** Sessions in one message: some 75 KiB. */
const sessionsPerMessageMax = 500;

export function createSessionAnnouncements(
  options: SessionAnnouncementsOptions,
): SessionAnnouncements {
  const { bus, instance, version, incarnation, worldNow, held, onBegun } = options;
  const { type, messageVersion } = createMessageRegistry([file_hexhold_edge_v1_events]).bySchema(
    SessionBegunSchema,
  );
  const producer = { service: "gateway", version, instance };

  function tell(sessions: readonly AnnouncedSession[]): void {
    const tsMs = Math.floor(worldNow());
    const events = sessions.map(({ accountId, sessionId }) => ({
      event: encodeEnvelope({
        type,
        messageVersion,
        eventId: uuidv7Bytes(tsMs),
        producer,
        tsMs,
        payload: toBinary(
          SessionBegunSchema,
          create(SessionBegunSchema, { accountId, sessionId, gateway: incarnation }),
        ),
        subject: uuidText(accountId),
      }),
    }));
    const body = toBinary(ViewBatchSchema, create(ViewBatchSchema, { events }));
    bus.publishView([accountsTopic], { type: "view.v1", body });
  }

  function tellAll(): void {
    const sessions = [...held()];
    for (let from = 0; from < sessions.length; from += sessionsPerMessageMax) {
      tell(sessions.slice(from, from + sessionsPerMessageMax));
    }
  }

  const timer = setInterval(tellAll, tellAllEveryMs);
  timer.unref();
  return {
    begun: (session) => tell([session]),
    tellAll,
    onAnnouncement(envelope) {
      if (envelope.type !== type) return false;
      const { accountId, sessionId, gateway } = fromBinary(SessionBegunSchema, envelope.payload);
      if (gateway === incarnation) return true;
      const newer = onBegun(uuidText(accountId), sessionId);
      if (newer !== undefined) tell([newer]);
      return true;
    },
    stop: () => clearInterval(timer),
  };
}
