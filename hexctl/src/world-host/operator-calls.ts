/** What operators ask of services, sent through the broker like everything else. */
import {
  create,
  type DescFile,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { Code, ConnectError } from "@connectrpc/connect";
import { releaseVersion } from "@hexhold/config";
import {
  type Bus,
  createMessageRegistry,
  createRequester,
  domainQueueOf,
  encodeEnvelope,
  idempotencyKeyOf,
  uuidv7Bytes,
} from "@hexhold/messaging";

export interface OperatorCalls {
  /**
   * Sends a command to the service that its type names, and resolves with the encoded result. Without a deadline: what an
   * operator asks for is done when the service is back. Rejects with a ConnectError that says what was wrong.
   * @param subject what the command is about: chooses the queue.
   */
  call<T extends Message>(
    schema: GenMessage<T>,
    init: MessageInitShape<GenMessage<NoInfer<T>>>,
    subject: string,
  ): Promise<Uint8Array>;
  close(): void;
}

const answerMsMax = 10_000;
const producer = { service: "host", version: releaseVersion, instance: "host" };

/** @param descriptors files of the commands. */
export function createOperatorCalls(bus: Bus, descriptors: readonly DescFile[]): OperatorCalls {
  const registry = createMessageRegistry(descriptors);
  const requester = createRequester({ bus, name: "tool.host.operator" });
  return {
    async call(schema, init, subject) {
      const { type, messageVersion, service } = registry.bySchema(schema);
      const eventId = uuidv7Bytes();
      const identity = { accountId: undefined, requestId: eventId, type };
      const outcome = await requester.request({
        to: domainQueueOf(service, subject),
        eventId,
        timeoutMs: answerMsMax,
        envelope: encodeEnvelope({
          type,
          messageVersion,
          requestId: eventId,
          eventId,
          correlationId: eventId,
          producer,
          tsMs: Date.now(),
          idempotencyKey: idempotencyKeyOf({ ...identity, target: Buffer.from(subject) }),
          payload: toBinary(schema, create(schema, init as MessageInitShape<typeof schema>)),
          subject,
        }),
      });
      if (outcome.case === "unsent") {
        throw new ConnectError(`nothing was done: ${outcome.why}`, Code.Unavailable);
      }
      if (outcome.case === "unknown") {
        throw new ConnectError(
          `the ${service} service does not answer; it may still do it (hexctl logs ${service}-1)`,
          Code.DeadlineExceeded,
        );
      }
      const answer = outcome.answer.outcome;
      if (answer.case === "applied") return answer.value.result;
      if (answer.case === "refused") throw new ConnectError(answer.value.reason, Code.NotFound);
      const isWrong = answer.value?.reason === "invalid-payload";
      const code = isWrong ? Code.InvalidArgument : Code.Internal;
      throw new ConnectError(answer.value?.message ?? "an empty answer", code);
    },
    close: () => requester.close(),
  };
}
