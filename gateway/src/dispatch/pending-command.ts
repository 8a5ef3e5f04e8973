import type { AnswerHead, GatheredCommand } from "@hexhold/messaging";
import type { EdgeError } from "../admission/check-command.ts";
import type { CommandTarget } from "./command-target.ts";

/** A command on its way: from its frame to its terminal answer, or to its deadline. */
export interface PendingCommand extends GatheredCommand {
  /** Minted per send; answers are matched by it. */
  readonly eventId: Uint8Array;
  readonly requestId: Uint8Array;
  readonly target: CommandTarget;
  readonly acceptedMs: number;
  readonly deadlineMs: number;
  /** Called once, unless `failed` was for certain; after UNKNOWN_OUTCOME it may still be called. */
  readonly answered: (answer: AnswerHead, bytes: Uint8Array) => void;
  /** No answer came, or none will. */
  readonly failed: (error: EdgeError) => void;
  /** The client was told UNKNOWN_OUTCOME. */
  told: boolean;
}
