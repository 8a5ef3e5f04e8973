/** What a router that stands by answers on its control port: that it lives, and that another leads. */
import { randomUUIDv7 } from "node:crypto";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { ControlService } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { routeProcessService, type RpcServer, startRpcServer } from "@hexhold/rpc";
import type { Logger } from "@hexhold/telemetry";
import type { RouterConfig } from "../config.ts";

/** Rejects when the control port is taken. */
export function startStandbyServer(config: RouterConfig, logger: Logger): Promise<RpcServer> {
  const standsBy = (): never => {
    throw new ConnectError(
      `${config.instance} stands by: register with the router that leads`,
      Code.Unavailable,
    );
  };
  const service: ServiceImpl<typeof ControlService> = {
    register: standsBy,
    heartbeat: standsBy,
    watchAssignments: standsBy,
    watchRoutes: standsBy,
  };
  return startRpcServer({
    host: config.host,
    port: config.controlPort,
    token: config.controlToken,
    logger,
    routes(router) {
      router.service(ControlService, service);
      routeProcessService(router, {
        instance: config.instance,
        incarnation: randomUUIDv7(),
        version: config.version,
        inspect: () => ({ standsBy: true }),
      });
    },
  });
}
