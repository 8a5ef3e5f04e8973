export { CHECKOUT, startLocalStack } from "./local-stack.ts";
export type { LocalStack, LocalStackOptions } from "./local-stack.ts";
export { ServiceNotFound, SOURCES } from "./resolution.ts";
export type { Source } from "./resolution.ts";
export { removeDataDir } from "./service-folder.ts";
export { SERVICE_NAMES, withoutPassword } from "./service-handle.ts";
export type { ServiceHandle, ServiceName } from "./service-handle.ts";
export { serviceUrlsFrom } from "./service-urls.ts";
export type { StackProgress } from "./start-context.ts";
