/** What frames of the server mean to the SDK as a whole. */
import { Notice_Kind } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import type { Answer } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";

export type NoticeName = "resync" | "go-elsewhere" | "token-expiring" | "left-behind";

export const noticeNames: Readonly<Record<number, NoticeName>> = {
  [Notice_Kind.RESYNC]: "resync",
  [Notice_Kind.GO_ELSEWHERE]: "go-elsewhere",
  [Notice_Kind.TOKEN_EXPIRING]: "token-expiring",
  [Notice_Kind.LEFT_BEHIND]: "left-behind",
};

/** Something that only a resident may do was done, now. */
export function isDoneInHex({ key, outcome, durability, replayed }: Answer): boolean {
  const isDone = outcome.case === "applied" && !replayed;
  return isDone && key !== undefined && durability !== Durability.READ;
}
