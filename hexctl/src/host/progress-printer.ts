import type { StackProgress } from "@hexhold/local-stack";

/**
 * One line per step, the same on a terminal and in a log:
 * `  6.6 s  rabbitmq  ready     RabbitMQ 3.10.8 (system …)`.
 */
export function printProgress({ service, phase, message, elapsedMs }: StackProgress): void {
  if (phase === "looking") {
    return;
  }
  const seconds = `${(elapsedMs / 1_000).toFixed(1)} s`.padStart(8);
  console.log(`${seconds}  ${service.padEnd(8)}  ${phase.padEnd(9)}  ${message}`);
}
