/** What commands are answered with, as types: made of the `contracts` that are generated beside their messages. */
import type { Message, MessageShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { contracts as chat } from "@hexhold/gen/hexhold/chat/v1/contracts";
import type { contracts as governance } from "@hexhold/gen/hexhold/governance/v1/contracts";
import type { contracts as hex } from "@hexhold/gen/hexhold/hex/v1/contracts";
import type { contracts as inventory } from "@hexhold/gen/hexhold/inventory/v1/contracts";
import type { contracts as market } from "@hexhold/gen/hexhold/market/v1/contracts";

/** `contracts.commands` of a generated `contracts.ts`, as far as answers go. */
export type CommandContracts = Readonly<
  Record<
    string,
    {
      readonly schema: GenMessage<Message>;
      readonly result?: GenMessage<Message>;
      readonly detail?: GenMessage<Message>;
    }
  >
>;

type ShapeIn<C, Field extends string> = C extends { readonly [F in Field]: GenMessage<Message> }
  ? MessageShape<C[Field]>
  : undefined;

/** Results and refusal details by the full name of the command; `undefined` where the contract names none. */
export type TypesOf<C extends CommandContracts> = {
  readonly [T in keyof C as MessageShape<C[T]["schema"]>["$typeName"]]: {
    readonly result: ShapeIn<C[T], "result">;
    readonly detail: ShapeIn<C[T], "detail">;
  };
};

/**
 * Results and refusal details of all commands that are known, by their full names. A game's client adds its own:
 *
 *     declare module "@hexhold/client" {
 *       interface CommandTypes extends TypesOf<typeof contracts.commands> {}
 *     }
 *
 * What is not in it has `Message | undefined`.
 */
export interface CommandTypes
  extends
    TypesOf<typeof hex.commands>,
    TypesOf<typeof inventory.commands>,
    TypesOf<typeof market.commands>,
    TypesOf<typeof governance.commands>,
    TypesOf<typeof chat.commands> {}

export type ResultOf<T extends Message> = T["$typeName"] extends keyof CommandTypes
  ? CommandTypes[T["$typeName"]]["result"]
  : Message | undefined;

export type DetailOf<T extends Message> = T["$typeName"] extends keyof CommandTypes
  ? CommandTypes[T["$typeName"]]["detail"] | undefined
  : Message | undefined;
