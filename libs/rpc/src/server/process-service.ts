import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { ProcessService } from "@hexhold/gen/hexhold/control/v1/process_pb";

export interface ProcessServiceOptions {
  readonly instance: string;
  /** UUIDv7 as text, minted at the start of the process. */
  readonly incarnation: string;
  readonly version: string;
  /** State for people; encoded as JSON, a bigint as a decimal string. */
  readonly inspect: () => unknown;
  /** Workers: one hex from memory. Left out: UNIMPLEMENTED. */
  readonly inspectHex?: ServiceImpl<typeof ProcessService>["inspectHex"];
  /** Gateways: sessions of an account. Left out: UNIMPLEMENTED. */
  readonly inspectSessions?: ServiceImpl<typeof ProcessService>["inspectSessions"];
}

/** What every process offers on its own control port, beside health and reflection. */
export function routeProcessService(router: ConnectRouter, options: ProcessServiceOptions): void {
  const { instance, incarnation, version, inspectHex, inspectSessions } = options;
  router.service(ProcessService, {
    inspect: () => ({ instance, incarnation, version, stateJson: jsonText(options.inspect()) }),
    ...(inspectHex === undefined ? {} : { inspectHex }),
    ...(inspectSessions === undefined ? {} : { inspectSessions }),
  });
}

function jsonText(value: unknown): string {
  return JSON.stringify(value, (_name, item: unknown) =>
    typeof item === "bigint" ? String(item) : item,
  );
}
