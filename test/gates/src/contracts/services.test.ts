/** The list of services (options of `Sender`) against the messages, and against who calls itself a service in the code. */
import { type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import {
  contract,
  Queues,
  Sender,
  SenderSchema,
  Step,
} from "@hexhold/gen/hexhold/options/v1/options_pb";
import { queuesOf, queuesOfService, services } from "@hexhold/messaging";
import { expect, it } from "vitest";
import { repositoryRoot } from "../generate.ts";
import { isForTests, readSources } from "../source-tree.ts";
import { buildImage, parseImage } from "./image.ts";

/** Who has no queue of a service: commands for a hex go to its slot. */
const routedByKey = "hex";

/** Which services the messages name, each with a message that does. */
function receiversOf(messages: Iterable<DescMessage>): Map<string, string> {
  const receivers = new Map<string, string>();
  for (const message of messages) {
    if (!hasOption(message, contract)) continue;
    const { type, consumers } = getOption(message, contract);
    const [kind = "", service = ""] = type.split(".");
    if (kind === "cmd" && service !== routedByKey) receivers.set(service, type);
    for (const consumer of consumers) receivers.set(consumer, type);
  }
  return receivers;
}

it("each service that messages are for is in the list with its queues, and no other is", async () => {
  const image = parseImage(await buildImage(repositoryRoot));
  const messages = [...image].filter((desc) => desc.kind === "message");
  const receivers = receiversOf(messages);
  expect(receivers.size).toBeGreaterThan(2);
  const withQueues = services.filter(({ queues }) => queues !== Queues.UNSPECIFIED);
  expect(withQueues.map(({ name }) => name).toSorted()).toEqual([...receivers.keys()].toSorted());
}, 30_000);

it("each sender but the client is a service, and no two have one name", () => {
  const named = services.map(({ sender }) => sender);
  const others = SenderSchema.values
    .map(({ number }) => number as Sender)
    .filter((sender) => sender !== Sender.UNSPECIFIED && sender !== Sender.CLIENT);
  expect(named).toEqual(others);
  expect(new Set(services.map(({ name }) => name)).size).toBe(services.length);
});

it("the queues of every service are declared", () => {
  const declared = new Set(queuesOf(8).map(({ name }) => name));
  const queues = services.flatMap(({ name }) => queuesOfService(name));
  expect(queues).toContain("cmd.inventory.7");
  expect(queues.filter((queue) => !declared.has(queue))).toEqual([]);
});

it("whoever names itself a producer in the code is in the list", () => {
  const names = readSources(repositoryRoot, [".ts"])
    .filter(({ path }) => /^(hexctl|router|worker|gateway|domains)\//.test(path))
    .filter(({ path }) => !isForTests(path))
    .flatMap(({ text }) =>
      [...text.matchAll(/\{\s*service: "([a-z]+)",\s*version\b/g)].map(([, name = ""]) => name),
    );
  expect(names.length).toBeGreaterThan(4);
  const known = new Set(services.map(({ name }) => name));
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});

it("what an asked step names for its cancel and its end is a command", async () => {
  const image = parseImage(await buildImage(repositoryRoot));
  const contracts = [...image].flatMap((desc) =>
    desc.kind === "message" && hasOption(desc, contract) ? [getOption(desc, contract)] : [],
  );
  const types = new Set(contracts.map(({ type }) => type));
  const missing = (asked: typeof contracts): string[] =>
    asked
      .filter(({ step }) => step === Step.ASKED)
      .flatMap(({ type, cancel, end }) =>
        [cancel, end].filter((named) => !types.has(named)).map((named) => `${type}: ${named}`),
      );
  expect(missing(contracts)).toEqual([]);
  // And sees what is not there.
  const asked = { ...contracts[0]!, step: Step.ASKED, cancel: "cmd.hex.enter", end: "cmd.no.such" };
  expect(missing([asked])).toEqual([`${asked.type}: cmd.no.such`]);
});
