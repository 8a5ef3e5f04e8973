import { create, type Message, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { LoadPlayer } from "./load-player.ts";

export interface DomainAnswer {
  /** Its final outcome: `applied`, `refused:<reason>`, `error:<CODE>:<reason>`. */
  readonly said: string | undefined;
  /** Encoded; undefined: it was not applied. */
  readonly result: Uint8Array | undefined;
}

/** Sends a command to a domain service until it has a final answer. */
export async function domainCommand<T extends Message>(
  player: LoadPlayer,
  type: string,
  schema: GenMessage<T>,
  fields: MessageInitShape<GenMessage<NoInfer<T>>>,
): Promise<DomainAnswer> {
  const payload = toBinary(schema, create(schema, fields as MessageInitShape<GenMessage<T>>));
  const { outcomes, answer } = await player.command(type, payload, { keyless: true });
  const result = answer?.outcome.case === "applied" ? answer.outcome.value.result : undefined;
  return { said: outcomes.at(-1), result };
}
