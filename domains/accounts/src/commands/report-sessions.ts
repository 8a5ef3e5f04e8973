/** What gateways tell of their sessions. */
import { create } from "@bufbuild/protobuf";
import type { MessageHandler } from "@hexhold/domain";
import {
  ReportSessionsSchema,
  SessionsReportedSchema,
} from "@hexhold/gen/hexhold/accounts/v1/sessions_pb";
import { keyOfWire, uuidText } from "@hexhold/messaging";
import { takeReport } from "../store/session-rows.ts";
import { applied, type CommandHandlerOf } from "./command.ts";

/** @param graceMs from the end of an account's last session until its player is taken offline. */
export function reportSessions(commandHandler: CommandHandlerOf, graceMs: number): MessageHandler {
  return commandHandler(ReportSessionsSchema, async (report, { store }) => {
    const { gateway, instance, number, listBegins, listEnds } = report;
    const sessions = report.sessions.map(({ accountId, sessionId, held, residence }) => ({
      accountId: uuidText(accountId),
      sessionId: uuidText(sessionId),
      held,
      residence: residence === undefined ? undefined : keyOfWire(residence),
    }));
    const isTaken = await takeReport(
      store,
      {
        gatewayId: uuidText(gateway),
        instance,
        number: Number(number),
        listBegins,
        listEnds,
        sessions,
      },
      graceMs,
    );
    return applied(create(SessionsReportedSchema, { listWanted: !isTaken }));
  });
}
