import { uuidText } from "@hexhold/messaging";
import type { LogBindings, Logger } from "@hexhold/telemetry";
import type { EdgeError } from "./admission/check-command.ts";
import { targetText } from "./dispatch/command-target.ts";
import type { Dispatcher } from "./dispatch/dispatcher.ts";
import type { PendingCommand } from "./dispatch/pending-command.ts";

/**
 * Offers a player's command to the dispatcher. At level `debug` it logs that the command was accepted, and
 * how it ended: twice when an answer comes after UNKNOWN_OUTCOME. At other levels it costs one comparison.
 */
export function offerLogged(
  dispatcher: Pick<Dispatcher, "offer">,
  logger: Logger,
  type: string,
  command: PendingCommand,
): EdgeError | undefined {
  if (!logger.isLevelEnabled("debug")) return dispatcher.offer(command);
  const { target } = command;
  const requestId = uuidText(command.requestId);
  const bindings: LogBindings = {
    request_id: requestId,
    event_id: uuidText(command.eventId),
    // The edge begins the chain of causes.
    correlation_id: requestId,
    ...("key" in target ? { key: targetText(target) } : { subject: target.subject }),
    type,
  };
  const failed = ({ reason }: EdgeError): void => {
    logger.debug({ ...bindings, reason }, "command failed");
  };
  const refused = dispatcher.offer({
    ...command,
    answered(answer, bytes) {
      logger.debug({ ...bindings, outcome: answer.outcome }, "command answered");
      command.answered(answer, bytes);
    },
    failed(error) {
      failed(error);
      command.failed(error);
    },
  });
  if (refused === undefined) logger.debug(bindings, "command accepted");
  else failed(refused);
  return refused;
}
