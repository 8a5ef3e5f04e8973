/** The services of the product, read from the options of `hexhold.options.v1.Sender`. There is no second list. */
import { getOption, hasOption } from "@bufbuild/protobuf";
import {
  Queues,
  type Sender,
  SenderSchema,
  service,
} from "@hexhold/gen/hexhold/options/v1/options_pb";
import { murmur3 } from "@hexhold/hex";

export interface ServiceEntry {
  /** `producer.service` of what it sends, and the word behind `cmd.` in what is for it. */
  readonly name: string;
  readonly sender: Sender;
  /** `UNSPECIFIED`: nothing is sent to it as a service. */
  readonly queues: Queues;
}

/** Queues of a service whose messages keep their order by subject. */
export const domainQueueCount = 8;

/** Every service, in the order of the contract. */
export const services: readonly ServiceEntry[] = SenderSchema.values.flatMap((value) => {
  if (!hasOption(value, service)) return [];
  const { name, queues } = getOption(value, service);
  return [{ name, sender: value.number as Sender, queues }];
});

const byName: ReadonlyMap<string, ServiceEntry> = new Map(
  services.map((entry) => [entry.name, entry]),
);

export function serviceNamed(name: string): ServiceEntry | undefined {
  return byName.get(name);
}

/**
 * Queue of a service for what is about `subject`: `cmd.<service>.{murmur3(subject) mod 8}`, or its only one. A service
 * that the contracts do not name (of somebody's own game) has numbered ones; whether they are there, the broker says.
 */
export function domainQueueOf(service: string, subject: string): string {
  if (byName.get(service)?.queues === Queues.COMPETING) return `cmd.${service}`;
  return `cmd.${service}.${murmur3(Buffer.from(subject)) % domainQueueCount}`;
}

/** Every queue of a service; none for one to which nothing is sent, or that the contracts do not name. */
export function queuesOfService(name: string): readonly string[] {
  const kind = byName.get(name)?.queues;
  if (kind === Queues.COMPETING) return [`cmd.${name}`];
  if (kind !== Queues.BY_SUBJECT) return [];
  return Array.from({ length: domainQueueCount }, (_, n) => `cmd.${name}.${n}`);
}
