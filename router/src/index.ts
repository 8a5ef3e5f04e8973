export type { BrokerAdmin, QueueDepth } from "./broker/broker-admin.ts";
export { type RouterConfig, readRouterConfig, routerSection } from "./config.ts";
export { type Lease, type LeaseStore, LeaseStoreError } from "./lease/lease-store.ts";
export { createMemoryLeaseStore } from "./lease/lease-stores/memory.ts";
export { createRedisLeaseStore, type RedisLeaseStoreOptions } from "./lease/lease-stores/redis.ts";
export { type Router, type RouterPorts, start } from "./start.ts";
export { type WorldIdentity, WorldSettingError } from "./world-settings.ts";
