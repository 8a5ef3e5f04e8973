/** The table of what services may do at the broker, and the permissions that follow from it. Pure but for reading the file. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { viewExchange } from "../topology.ts";

const names = z.array(z.string().regex(/^[a-z0-9.*<>-]+$/)).default([]);

const tableSchema = z.record(
  z.string().regex(/^[a-z][a-z-]*$/),
  z.strictObject({
    inbox: names,
    consume: names,
    publish: names,
    reply: z.boolean().default(false),
    listen: z.boolean().default(false),
    tell: names,
  }),
);

/** By service; the words of `infra/rabbitmq/rights.yaml`. */
export type BrokerRights = z.infer<typeof tableSchema>;

/** A user's permissions in RabbitMQ's own terms: patterns of names of queues and exchanges, and of routing keys. */
export interface BrokerPermissions {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
  /** On `view.topic`. */
  readonly topic: { readonly write: string; readonly read: string };
}

/** As RabbitMQ calls the exchange by which every queue is reached by its name. */
const defaultExchange = "amq.default";
const regionPattern = "8[0-9a-f]{14}";
const nothing = "^$";

/** Throws, with every fault, when the file is not as it should be. */
export function readBrokerRights(checkout: string): BrokerRights {
  const file = join(checkout, "infra/rabbitmq/rights.yaml");
  return tableSchema.parse(parse(readFileSync(file, "utf8")));
}

export function permissionsOf(rights: BrokerRights[string]): BrokerPermissions {
  const inboxes = rights.inbox.map((word) => `${word}.*`);
  const writes = [
    // A queue is bound by whoever may write to it.
    ...inboxes,
    ...rights.publish,
    ...(rights.reply ? [defaultExchange] : []),
    ...(rights.tell.length > 0 ? [viewExchange] : []),
  ];
  const reads = [...inboxes, ...rights.consume, ...(rights.listen ? [viewExchange] : [])];
  return {
    configure: patternOf(inboxes),
    write: patternOf(writes),
    read: patternOf(reads),
    topic: { write: patternOf(rights.tell), read: rights.listen ? ".*" : nothing },
  };
}

/** Of no name: the pattern of the empty one. Without it RabbitMQ takes an empty pattern for nothing, or for everything. */
function patternOf(globs: readonly string[]): string {
  if (globs.length === 0) return nothing;
  const parts = globs.map((glob) =>
    glob === "<region>"
      ? regionPattern
      : glob.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*"),
  );
  return `^(${parts.join("|")})$`;
}
