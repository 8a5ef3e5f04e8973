/** infra/rabbitmq/rights.yaml against the contracts: who publishes where, and who reads what. */
import { type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { contract, Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import {
  accountsAuthQueue,
  queuesOf,
  queuesOfService,
  readBrokerRights,
  services,
} from "@hexhold/messaging";
import { expect, it } from "vitest";
import { repositoryRoot } from "../generate.ts";
import { buildImage, parseImage } from "./image.ts";

const rights = readBrokerRights(repositoryRoot);
const nameOf = new Map(services.map(({ sender, name }) => [sender, name]));

/** Exchanges to which each service must publish, by the messages that it may send. */
function neededBy(messages: Iterable<DescMessage>): Map<string, Set<string>> {
  const needed = new Map(Object.keys(rights).map((service) => [service, new Set<string>()]));
  const needs = (service: string, receiver: string): void => {
    const exchange = receiver === "hex" ? "cmd.direct" : `in.${receiver}`;
    needed.get(service)?.add(exchange);
  };
  for (const message of messages) {
    if (!hasOption(message, contract)) continue;
    const { type, senders, consumers } = getOption(message, contract);
    const [kind = "", about = ""] = type.split(".");
    if (kind === "cmd") {
      for (const sender of senders) {
        needs(sender === Sender.CLIENT ? "gateway" : (nameOf.get(sender) ?? ""), about);
      }
    }
    const teller = about === "hex" ? "worker" : about;
    for (const consumer of consumers) needs(teller, consumer);
  }
  return needed;
}

it("each service publishes where its messages go, and nowhere else", async () => {
  const image = parseImage(await buildImage(repositoryRoot));
  const needed = neededBy([...image].filter((desc) => desc.kind === "message"));
  const served = services.filter(({ name }) => queuesOfService(name).length > 0);
  for (const [service, { publish, consume }] of Object.entries(rights)) {
    const own = needed.get(service)!;
    // Timers of hexes, and letters of whoever consumes.
    if (service === "worker") own.add("cmd.direct");
    if (consume.length > 0 && service !== "router") own.add("in.router");
    // Brings back letters of every service.
    if (service === "router") {
      for (const { name } of served) if (name !== "router") own.add(`in.${name}`);
    }
    expect({ service, publish: publish.toSorted() }).toEqual({
      service,
      publish: [...own].toSorted(),
    });
  }
}, 30_000);

it("each service reads its own queues, and each queue of commands is read by one", () => {
  const matches = (glob: string, queue: string): boolean => {
    const [head = "", tail] = glob.split("*");
    return tail === undefined ? queue === glob : queue.startsWith(head) && queue.endsWith(tail);
  };
  for (const { name } of queuesOf(64)) {
    if (!/^cmd\.(?!dlq)/.test(name)) continue;
    const readers = Object.entries(rights)
      .filter(([, { consume }]) => consume.some((glob) => matches(glob, name)))
      .map(([service]) => service);
    const owner = services.find((entry) => queuesOfService(entry.name).includes(name))?.name;
    const own = owner ?? (name === accountsAuthQueue ? "accounts" : "worker");
    expect({ name, readers }).toEqual({ name, readers: [own] });
  }
});
