/** Announcements of `view.topic`: what accounts and other gateways tell. Taken from those whose they are, and from nobody else. */
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { claimOf, decodeEnvelope, type Publisher, publisherText } from "@hexhold/messaging";
import type { Logger } from "@hexhold/telemetry";

export interface AnnouncementReaderOptions {
  /** Asked in turn; true: it was for this one. */
  readonly takers: readonly ((envelope: Envelope) => boolean)[];
  /** Somebody published one in another's name. */
  readonly onForged: (publisher: string) => void;
  readonly logger: Logger;
}

/** Makes what reads them, from the bytes of an envelope. */
export function createAnnouncementReader({
  takers,
  onForged,
  logger,
}: AnnouncementReaderOptions): (bytes: Uint8Array, publisher: Publisher) => void {
  return (bytes, publisher) => {
    try {
      const envelope = decodeEnvelope(bytes);
      if (claimOf(publisher, envelope) !== "own") {
        const by = publisherText(publisher);
        onForged(by);
        const type = envelope.type.slice(0, 128);
        const text = "an announcement was published in another's name: it was dropped";
        logger.error({ type, publisher: by }, text);
        return;
      }
      takers.some((take) => take(envelope));
    } catch (error) {
      logger.error({ err: error }, "an announcement cannot be read");
    }
  };
}
