/** What operators should know of a world: what keeps players from being served, and what waits for a hand's turn. */
import { keyText } from "@hexhold/hex";
import type { BrokerAlarm } from "../broker/broker-admin.ts";
import type { Waiting } from "../control-store.ts";
import type { SlotView } from "../lease/slot-leases.ts";
import { slewShare } from "../world-clock/bounded-clock.ts";

export interface OperatorWarning {
  readonly code:
    | "slots-unserved"
    | "lease-store"
    | "database"
    | "broker-alarm"
    | "broker-unknown"
    | "hexes-quarantined"
    | "dead-letters"
    | "clock-set";
  readonly what: string;
  readonly todo: string;
  /** Players are not served, or soon will not be. */
  readonly urgent: boolean;
}

export interface WarningSources {
  readonly slots: readonly Pick<SlotView, "slot" | "served">[];
  /** Why the store of leases does not answer. */
  readonly leaseFault: string | undefined;
  /** Why PostgreSQL does not. */
  readonly databaseFault: string | undefined;
  /** World time minus PostgreSQL's clock. */
  readonly clockOffsetMs: number;
  readonly waiting: () => Promise<Waiting>;
  readonly alarms: () => Promise<readonly BrokerAlarm[]>;
}

/** A clock that was not set is apart by less. */
const clockApartMs = 1000;

/** Urgent ones first. Never rejects: a source that does not answer is a warning. */
export async function listWarnings(sources: WarningSources): Promise<readonly OperatorWarning[]> {
  const [ofBroker, ofStore] = await Promise.all([
    brokerWarnings(sources.alarms),
    sources.databaseFault === undefined ? storeWarnings(sources.waiting) : [],
  ]);
  const warnings = [
    ...slotWarnings(sources),
    ...ofBroker,
    ...ofStore,
    ...clockWarnings(sources.clockOffsetMs),
  ];
  return warnings.toSorted((a, b) => Number(b.urgent) - Number(a.urgent));
}

function slotWarnings({ slots, leaseFault, databaseFault }: WarningSources): OperatorWarning[] {
  const unserved = slots.filter(({ served }) => !served).map(({ slot }) => slot);
  const warnings: OperatorWarning[] = [];
  if (unserved.length > 0) {
    warnings.push({
      code: "slots-unserved",
      what: `${unserved.length} of ${slots.length} slots are not served: ${unserved.join(", ")}`,
      todo: "hexctl status says which workers run, hexctl logs worker-1 why one does not serve",
      urgent: true,
    });
  }
  if (leaseFault !== undefined) {
    warnings.push({
      code: "lease-store",
      what: `${leaseFault}; slots stay with their workers, and none is taken over when a worker dies`,
      todo: "start Redis, or correct redisUrl of the routers (hexctl logs redis)",
      urgent: true,
    });
  }
  if (databaseFault !== undefined) warnings.push(databaseWarning(databaseFault));
  return warnings;
}

async function brokerWarnings(alarms: WarningSources["alarms"]): Promise<OperatorWarning[]> {
  try {
    return (await alarms()).map(({ node, of, bytes, limitBytes }) => ({
      code: "broker-alarm" as const,
      what:
        `RabbitMQ takes no messages: ` +
        (of === "memory"
          ? `${node} uses ${megabytes(bytes)} of memory, and may use ${megabytes(limitBytes)}`
          : `${node} has ${megabytes(bytes)} of disk free, and wants ${megabytes(limitBytes)}`),
      todo:
        of === "memory"
          ? "see which queue is long (hexctl status), or give RabbitMQ more memory (vm_memory_high_watermark)"
          : "free disk space where RabbitMQ keeps its data; it goes on by itself",
      urgent: true,
    }));
  } catch (error) {
    return [
      {
        code: "broker-unknown",
        what: `whether RabbitMQ has raised an alarm is not known: ${messageOf(error)}`,
        todo: "start RabbitMQ with its management plug-in, or correct rabbitmqManagementUrl (hexctl logs rabbitmq)",
        urgent: false,
      },
    ];
  }
}

async function storeWarnings(read: WarningSources["waiting"]): Promise<OperatorWarning[]> {
  try {
    const { letters, lastLetter, quarantined, hexes } = await read();
    const warnings: OperatorWarning[] = [];
    if (quarantined > 0) {
      const named = hexes.map(({ reason, ...key }) => `${keyText(key)} (${reason})`).join(", ");
      warnings.push({
        code: "hexes-quarantined",
        what: `${count(quarantined, "hex", "hexes")} cannot be loaded and ${quarantined === 1 ? "is" : "are"} quarantined: ${named}${quarantined > hexes.length ? ", …" : ""}`,
        todo: "hexctl hex KEY shows what is stored of it; a hex that is mended is served within 30 s",
        urgent: false,
      });
    }
    if (letters > 0) {
      warnings.push({
        code: "dead-letters",
        what: `${count(letters, "dead letter waits", "dead letters wait")}; the last one is ${lastLetter}`,
        todo: "read them in control.dead_letter (docs/operations.md), mend what failed, and set to discarded those by which nothing is owed any more",
        urgent: false,
      });
    }
    return warnings;
  } catch (error) {
    return [databaseWarning(`PostgreSQL does not say what waits (${messageOf(error)})`)];
  }
}

function clockWarnings(offsetMs: number): OperatorWarning[] {
  if (Math.abs(offsetMs) < clockApartMs) return [];
  const hours = Math.abs(offsetMs) / slewShare / 3_600_000;
  return [
    {
      code: "clock-set",
      what: `PostgreSQL's clock was set: world time is ${(Math.abs(offsetMs) / 1000).toFixed(0)} s ${offsetMs < 0 ? "behind" : "ahead of"} it`,
      todo: `nothing, if the clock is right now: both agree in ${hours < 1 ? `${Math.ceil(hours * 60)} minutes` : `${hours.toFixed(1)} hours`}; else set it right`,
      urgent: false,
    },
  ];
}

function databaseWarning(what: string): OperatorWarning {
  return {
    code: "database",
    what,
    todo: "start PostgreSQL, or correct postgresUrl of the routers (hexctl logs postgres)",
    urgent: true,
  };
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MB`;

const count = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
