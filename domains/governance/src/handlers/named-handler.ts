/** A handler of governance, and the rows that its messages are about. */
import { namedFor, type NamedHandler as HandlerOf } from "@hexhold/domain";
import type { GovernanceWork } from "../work/governance-work.ts";
import type { NamedRows } from "../work/named-rows.ts";

export type NamedHandler = HandlerOf<GovernanceWork, NamedRows>;
export const named = namedFor<GovernanceWork, NamedRows>();
