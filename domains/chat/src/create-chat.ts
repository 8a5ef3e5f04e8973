/** Chat as libs/domain runs it: handlers, and the work of a transaction. Everything is made here and nothing begins. */
import { type MessageHandler, namesByType, type TopicPublisher } from "@hexhold/domain";
import { file_hexhold_accounts_v1_events } from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import { file_hexhold_chat_v1_commands } from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import { file_hexhold_chat_v1_moderation } from "@hexhold/gen/hexhold/chat/v1/moderation_pb";
import { file_hexhold_hex_v1_events } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { file_hexhold_hex_v1_transfer } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { uuidv7Bytes } from "@hexhold/messaging";
import type { Logger } from "@hexhold/telemetry";
import type { ChatConfig } from "./chat-config.ts";
import type { ChatMetrics } from "./chat-metrics.ts";
import { accounts } from "./handlers/accounts.ts";
import { operatorCommands } from "./handlers/operator-commands.ts";
import { ownSettings } from "./handlers/own-settings.ts";
import { reads } from "./handlers/reads.ts";
import { speech } from "./handlers/speech.ts";
import { createModerator, type Moderate } from "./moderation/moderator.ts";
import { wordList } from "./moderation/word-list.ts";
import type { SpeakerRules } from "./rules/speaker.ts";
import { prepareText } from "./rules/text.ts";
import type { Days } from "./store/days.ts";
import { ChatWork } from "./work/chat-work.ts";

export interface Chat {
  readonly handlers: readonly MessageHandler<ChatWork>[];
  newWork(): ChatWork;
}

/** What chat handles. */
export const chatDescriptors = [
  file_hexhold_accounts_v1_events,
  file_hexhold_chat_v1_commands,
  file_hexhold_chat_v1_moderation,
  file_hexhold_hex_v1_events,
  file_hexhold_hex_v1_transfer,
];

export interface ChatPorts {
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
  readonly logger: Logger;
  readonly metrics: ChatMetrics;
  /** Tells players what was committed. */
  readonly topics: Pick<TopicPublisher, "toPlayer" | "toTopic">;
  readonly days: Pick<Days, "ensure">;
  /** Looks at texts; default: the words of the configuration are masked. */
  readonly moderate?: Moderate;
  /** UUIDv7 of a moment, as 16 bytes, for reports; default: a new one. */
  readonly newId?: (nowMs: number) => Uint8Array;
}

export type ChatRules = Pick<
  ChatConfig,
  | "textCodePointsMax"
  | "local"
  | "world"
  | "whisper"
  | "newPartnersPerHour"
  | "worldMinAgeMinutes"
  | "words"
>;

export function createChat(rules: ChatRules, ports: ChatPorts): Chat {
  const { worldNow, logger, metrics, topics, days, newId = (nowMs) => uuidv7Bytes(nowMs) } = ports;
  const { textCodePointsMax } = rules;
  const moderator = createModerator({
    moderate: ports.moderate ?? wordList(rules.words),
    logger,
    metrics,
    isAllowed(text) {
      const prepared = prepareText(text, textCodePointsMax);
      return prepared.kind === "text" && prepared.text === text;
    },
  });
  const operators = operatorCommands({ topics, metrics, logger });
  const named = [
    ...speech({ topics, metrics, worldNow }),
    ...ownSettings({ metrics, newId }),
    ...operators.named,
    ...accounts,
  ];
  const namesOf = namesByType(named);
  const speakerRules = { ...speakerRulesOf(rules), textCodePointsMax };
  return {
    handlers: [...named.map(({ handler }) => handler), ...operators.others, ...reads],
    newWork: () => new ChatWork({ namesOf, moderator, rules: speakerRules, days, worldNow }),
  };
}

function speakerRulesOf(rules: ChatRules): SpeakerRules {
  const bucket = ({ burst, perSecond }: ChatRules["local"]) => ({
    burst,
    everyMs: Math.ceil(1000 / perSecond),
  });
  return {
    local: bucket(rules.local),
    world: bucket(rules.world),
    whisper: bucket(rules.whisper),
    newPartnersPerHour: rules.newPartnersPerHour,
    worldMinAgeMs: rules.worldMinAgeMinutes * 60_000,
  };
}
