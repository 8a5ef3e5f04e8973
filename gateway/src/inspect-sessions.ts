import type { MessageInitShape } from "@bufbuild/protobuf";
import type { InspectSessionsResponseSchema } from "@hexhold/gen/hexhold/control/v1/process_pb";
import { uuidText } from "@hexhold/messaging";
import type { Edge } from "./edge.ts";

/** What operators see of the sessions of an account at this gateway. */
export function inspectSessions(
  edge: Edge,
  accountId: Uint8Array,
): MessageInitShape<typeof InspectSessionsResponseSchema> {
  const account = uuidText(accountId);
  const sessions = [...edge.connections].flatMap((connection) => {
    const { session } = connection;
    if (session?.accountText !== account) return [];
    return [
      {
        sessionId: session.sessionId,
        begunMs: BigInt(session.begunMs),
        sdk: session.sdk,
        subscriptions: connection.subscriptions,
        commandsInFlight: connection.commandsInFlight,
        bufferedBytes: BigInt(connection.bufferedBytes),
      },
    ];
  });
  return { sessions };
}
