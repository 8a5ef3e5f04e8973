import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus } from "@hexhold/gen/grpc/health/v1/health_pb";

/** How often a `Watch` looks again. */
const watchIntervalMs = 500;

/**
 * Serves grpc.health.v1: the empty name and each registered service answer SERVING while `ready` is
 * true, NOT_SERVING otherwise; `Check` of another name is NOT_FOUND, as the protocol asks.
 */
export function routeHealth(router: ConnectRouter, ready: () => boolean): void {
  const known = (service: string): boolean =>
    service === "" || router.handlers.some((handler) => handler.service.typeName === service);
  const status = (): HealthCheckResponse_ServingStatus =>
    ready()
      ? HealthCheckResponse_ServingStatus.SERVING
      : HealthCheckResponse_ServingStatus.NOT_SERVING;

  router.service(Health, {
    check({ service }) {
      if (!known(service)) {
        throw new ConnectError(`no service ${service.slice(0, 128)} here`, Code.NotFound);
      }
      return { status: status() };
    },
    list() {
      const names = new Set(["", ...router.handlers.map((handler) => handler.service.typeName)]);
      return {
        statuses: Object.fromEntries([...names].map((name) => [name, { status: status() }])),
      };
    },
    async *watch({ service }, context: HandlerContext) {
      const read = (): HealthCheckResponse_ServingStatus =>
        known(service) ? status() : HealthCheckResponse_ServingStatus.SERVICE_UNKNOWN;
      let last: HealthCheckResponse_ServingStatus | undefined;
      while (!context.signal.aborted) {
        const now = read();
        if (now !== last) {
          last = now;
          yield { status: now };
        }
        await sleep(watchIntervalMs, undefined, { signal: context.signal, ref: false }).catch(
          () => undefined,
        );
      }
    },
  });
}
