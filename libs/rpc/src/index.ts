export {
  type ChannelOptions,
  type RpcChannel,
  connectClient,
  openChannel,
  openMemoryChannel,
} from "./client/channel.ts";
export { type Backoff, createBackoff } from "./cluster/backoff.ts";
export { joinCluster } from "./cluster/join-cluster.ts";
export type {
  AssignmentWatcher,
  ClusterMembership,
  HeldSlotReport,
  JoinOptions,
} from "./cluster/membership.ts";
export { type ClusterRoutes, applyRoutes } from "./cluster/route-updates.ts";
export { createOffsetFilter, type OffsetSample, offsetSample } from "./cluster/clock-offset.ts";
export type { RpcRequest, RpcResponse } from "./server/listener.ts";
export { readiness } from "./server/readiness.ts";
export { createRpcHandler, type RpcHandlerOptions } from "./server/rpc-handler.ts";
export { type ProcessServiceOptions, routeProcessService } from "./server/process-service.ts";
export { type TurnLimits, defaultTurnLimits, serveInTurn } from "./server/serve-in-turn.ts";
export {
  type RpcServer,
  type RpcServerLimits,
  type RpcServerOptions,
  defaultRpcServerLimits,
  startRpcServer,
} from "./server/start-rpc-server.ts";
