import { encodeEnvelope } from "@hexhold/messaging";
import type { JournalRow } from "./commit-batch.ts";

/**
 * The `evt.*` envelope of a journal row, the same each time it is built: observers, domain services and a
 * replay see one event_id.
 */
export function eventEnvelope(
  row: JournalRow,
  producer: { readonly service: string; readonly version: string; readonly instance: string },
): Uint8Array {
  return encodeEnvelope({
    type: row.type,
    messageVersion: row.messageVersion,
    key: { hexId: row.hexId, layerId: row.layerId },
    eventId: row.eventId,
    producer,
    tsMs: row.decidedMs,
    payload: row.payload,
    traceparent: row.traceparent,
  });
}
