import type { AnswerHead, GatheredCommand, GatheringLane } from "@hexhold/messaging";
import type { EdgeError } from "../admission/check-command.ts";
import type { CommandTarget } from "./command-target.ts";

/** A command on its way: from its frame to its terminal answer, or to its deadline. */
export interface PendingCommand extends GatheredCommand {
  /** Minted per send; answers are matched by it. */
  readonly eventId: Uint8Array;
  /** The same as text, for maps. */
  readonly eventText: string;
  readonly requestId: Uint8Array;
  readonly target: CommandTarget;
  readonly acceptedMs: number;
  readonly deadlineMs: number;
  /** Called once, unless `failed` was for certain; after UNKNOWN_OUTCOME it may still be called: count it once. */
  readonly answered: (answer: AnswerHead, bytes: Uint8Array) => void;
  /** No answer came, or none will. */
  readonly failed: (error: EdgeError) => void;
  /** `told`: the client heard UNKNOWN_OUTCOME. `over`: nobody waits for it any more. */
  state: "waiting" | "told" | "over";
  /** Where it was gathered; the dispatcher's own. */
  lane?: GatheringLane<PendingCommand>;
}
