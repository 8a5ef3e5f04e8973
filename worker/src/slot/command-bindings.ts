import type { LogBindings } from "@hexhold/telemetry";
import { uuidText } from "@hexhold/messaging";

interface CommandIds {
  readonly requestId: Uint8Array;
  readonly eventId: Uint8Array;
  readonly correlationId: Uint8Array;
}

/** What ties a log line of a worker to the command it is about. */
export function commandBindings(slot: string, ids: CommandIds): LogBindings {
  return {
    slot,
    ...idBinding("request_id", ids.requestId),
    ...idBinding("event_id", ids.eventId),
    ...idBinding("correlation_id", ids.correlationId),
  };
}

/** An id that is none is left out: the sender may have sent anything. */
function idBinding(name: keyof LogBindings, bytes: Uint8Array): LogBindings {
  return bytes.length === 16 ? { [name]: uuidText(bytes) } : {};
}
