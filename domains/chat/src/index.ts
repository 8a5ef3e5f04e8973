/** Chat: what players say in hexes, to the world and to one another, and what keeps them from saying too much. */
import { createTopicPublisher, type RunningDomain, startDomain } from "@hexhold/domain";
import { file_hexhold_chat_v1_events } from "@hexhold/gen/hexhold/chat/v1/events_pb";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { queuesOfService } from "@hexhold/messaging";
import { checkSchemaVersion, openPool, withConnection } from "@hexhold/postgres";
import { type RunningService, type ServicePorts, startService } from "@hexhold/service";
import type { ChatConfig } from "./chat-config.ts";
import { createChatMetrics } from "./chat-metrics.ts";
import { chatDescriptors, createChat } from "./create-chat.ts";
import type { Moderate } from "./moderation/moderator.ts";
import { startDays } from "./store/days.ts";
import { countOpenReports } from "./store/report-rows.ts";

export type { RunningService as RunningChat } from "@hexhold/service";
export { type ChatConfig, chatConfigSchema } from "./chat-config.ts";
export { chatSection } from "./chat-section.ts";
export type { Moderate, Verdict } from "./moderation/moderator.ts";

/** Newest migration of schema `chat` that this service knows. */
const schemaVersion = "0001_chat";

/** Queue messages in hand; other instances read the same queue. */
const inHandMax = 16;

export interface ChatServicePorts extends ServicePorts {
  /** Looks at texts before they are said; default: the words of the configuration are masked. */
  readonly moderate?: Moderate;
}

/** Starts a chat service. Rejects when the schema is not the one it knows, and when no router takes it. */
export function start(config: ChatConfig, ports: ChatServicePorts): Promise<RunningService> {
  const { bus, logger, moderate } = ports;
  const { instance, version, postgresUrl, controlPort, controlToken } = config;
  const host = config.controlHost;
  const identity = { name: "chat", instance, version, host, controlPort, controlToken, ports };
  return startService(identity, async (service) => {
    await withConnection(
      { url: postgresUrl, applicationName: `chat-start:${instance}` },
      (client) => checkSchemaVersion(client, "chat", schemaVersion),
    );
    const queues = queuesOfService("chat");
    // Consumes only once it is a member; its server, which tells, is there before.
    const begun: { domain?: RunningDomain } = {};
    const consuming = (): number => begun.domain?.consumingCount ?? 0;
    await service.serve({
      askPostgres: async () => begun.domain?.askPostgres(),
      missing: () =>
        consuming() === queues.length
          ? []
          : [`queues: ${consuming()} of ${queues.length} are consumed`],
      inspect: () => ({ queues: queues.length, consuming: consuming(), bus: bus.state.mode }),
    });
    const membership = await service.join({ kind: ProcessKind.DOMAIN });
    const worldNow = (): number => membership.worldNow();
    const producer = { service: "chat", version, instance };
    const pool = openPool({ url: postgresUrl, applicationName: `chat-looks:${instance}` }, 1);
    service.unwind.add("pool", () => pool.end());
    const metrics = createChatMetrics(ports.metrics, {
      openReports: (gauge) => countOpenReports(pool, gauge),
    });
    const topics = createTopicPublisher({
      bus,
      producer,
      descriptors: [file_hexhold_chat_v1_events],
      worldNow,
      logger,
      metrics: ports.metrics,
    });
    service.unwind.add("topics", () => topics.stop());
    const days = startDays({ pool, keepDays: config.keepDays, worldNow, logger });
    service.unwind.add("days", () => days.stop());
    await days.ensure(worldNow());
    const chat = createChat(config, {
      worldNow,
      logger,
      metrics,
      topics,
      days,
      ...(moderate === undefined ? {} : { moderate }),
    });
    const running = startDomain({
      producer,
      postgresUrl,
      queues,
      inHandMax,
      descriptors: chatDescriptors,
      handlers: chat.handlers,
      newWork: () => chat.newWork(),
      bus,
      worldNow,
      resultRetentionHours: config.resultRetentionHours,
      logger,
      metrics: ports.metrics,
    });
    begun.domain = running;
    service.unwind.add("domain", () => running.stop());
  });
}
