import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";

const names: Readonly<Record<number, string>> = {
  [ProcessKind.GATEWAY]: "gateway",
  [ProcessKind.WORKER]: "worker",
  [ProcessKind.ROUTER]: "router",
  [ProcessKind.DOMAIN]: "domain",
  [ProcessKind.TOOL]: "tool",
};

/** Kind of a process as people read it; `unknown` for one that this software does not know. */
export function kindName(kind: ProcessKind): string {
  return names[kind] ?? "unknown";
}
