/** Governance as libs/domain runs it: handlers, timers, and the work of a transaction. Everything is made here and nothing begins. */
import type { DueHandler, MessageHandler, Outbox } from "@hexhold/domain";
import { createOutbox, namesByType } from "@hexhold/domain";
import { file_hexhold_accounts_v1_events } from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import { file_hexhold_governance_v1_commands } from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { file_hexhold_hex_v1_events } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { file_hexhold_hex_v1_transfer } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { file_hexhold_ownership_v1_ownership } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import { uuidv7Bytes } from "@hexhold/messaging";
import type { Logger } from "@hexhold/telemetry";
import type { GovernanceConfig } from "./governance-config.ts";
import type { GovernanceMetrics } from "./governance-metrics.ts";
import { clientCommands } from "./handlers/client-commands.ts";
import { contributionHandler } from "./handlers/contributions.ts";
import { reads } from "./handlers/reads.ts";
import { accounts, owners, residences } from "./handlers/residences.ts";
import type { ElectionRules } from "./rules/elections.ts";
import type { StandingEvent } from "./rules/standing-events.ts";
import { electionTimers } from "./timers/election-timers.ts";
import { GovernanceWork } from "./work/governance-work.ts";
import type { Topics } from "./work/tell-election.ts";

export interface Governance {
  readonly handlers: readonly MessageHandler<GovernanceWork>[];
  readonly timers: readonly DueHandler<GovernanceWork>[];
  readonly outbox: Outbox;
  newWork(): GovernanceWork;
}

/** What governance handles beside the game's events, and what it sends. */
export const governanceDescriptors = [
  file_hexhold_accounts_v1_events,
  file_hexhold_governance_v1_commands,
  file_hexhold_hex_v1_events,
  file_hexhold_hex_v1_transfer,
  file_hexhold_ownership_v1_ownership,
];

export interface GovernancePorts {
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
  readonly logger: Logger;
  readonly metrics: GovernanceMetrics;
  /** Tells players what was committed. */
  readonly topics: Topics;
  /** UUIDv7 of a moment, as 16 bytes, for elections and ballots; default: a new one. */
  readonly newId?: (nowMs: number) => Uint8Array;
}

export type GovernanceRules = ElectionRules &
  Pick<GovernanceConfig, "instance" | "version" | "fadePerMille">;

/** @param events of the game, by which players do something for hexes. */
export function createGovernance(
  rules: GovernanceRules,
  events: readonly StandingEvent[],
  ports: GovernancePorts,
): Governance {
  const { instance, version } = rules;
  const { worldNow, logger, metrics, topics, newId = (nowMs) => uuidv7Bytes(nowMs) } = ports;
  const fadePerMille = BigInt(rules.fadePerMille);
  const outbox = createOutbox({
    producer: { service: "governance", version, instance },
    descriptors: [file_hexhold_ownership_v1_ownership],
    worldNow,
  });
  const named = [
    ...clientCommands({ rules, fadePerMille, topics, metrics, newId }),
    ...events.map((event) => contributionHandler(event, { fadePerMille, metrics })),
    ...residences,
  ];
  const namesOf = namesByType(named);
  return {
    handlers: [
      ...named.map(({ handler }) => handler),
      accounts,
      owners({ metrics, logger }),
      ...reads(fadePerMille),
    ],
    timers: electionTimers({ rules, outbox, topics, metrics }),
    outbox,
    newWork: () => new GovernanceWork({ namesOf, worldNow }),
  };
}
