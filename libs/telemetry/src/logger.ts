import { createLineWriter } from "./line-writer.ts";
import { type DestinationStream, type Logger as PinoLogger, pino, stdTimeFunctions } from "pino";

/** From loudest to silent; `info` is the default of every service. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** Anything with `write(line)`; one call is one line of JSON, its newline included. */
export type LogDestination = DestinationStream;

/** A pino logger: `log.info({ key }, "message")`. Errors go under `err`: `log.error({ err }, "…")`. */
export type Logger = PinoLogger;

export interface LoggerOptions {
  /** `gateway`, `router`, `worker`, … */
  readonly service: string;
  /** Name of the process, unique in the cluster: `worker-1`. */
  readonly instance: string;
  readonly level?: LogLevel;
  /** Default: standard output, written at once; what cannot be written is dropped and counted (`createLineWriter`). */
  readonly destination?: LogDestination;
}

/** What ties the lines of one player action together, whichever process wrote them. */
export interface LogBindings {
  /** UUIDv7 as text, chosen by the client. */
  readonly request_id?: string;
  readonly event_id?: string;
  readonly correlation_id?: string;
  /** Key text of a hex: `861f1d48fffffff`. */
  readonly key?: string;
  readonly slot?: string;
  /** Of a domain message: account, item or order. */
  readonly subject?: string;
  readonly type?: string;
}

/** Secrets never reach a log, whoever hands over an object that carries one. */
const redactedPaths = ["password", "token", "authorization", "secret"].flatMap((name) => [
  name,
  `*.${name}`,
]);

/** A logger that writes one JSON object a line: `level` (word), `time` (ISO), `service`, `instance`, `msg`, bindings. */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level ?? "info",
    base: { service: options.service, instance: options.instance },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: redactedPaths, censor: "[redacted]" },
  };
  // Not pino's own: that ends the process with the first write that fails.
  return pino(settings, options.destination ?? createLineWriter(process.stdout.fd));
}

/** A logger whose every line carries `bindings`. About a microsecond: cheap enough for a request, not for an event. */
export function childLogger(logger: Logger, bindings: LogBindings): Logger {
  return logger.child(bindings);
}
