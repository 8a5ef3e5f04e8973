export {
  type JoinFields,
  type RunningService,
  type ServeFields,
  type Service,
  type ServiceOptions,
  type ServicePorts,
  startService,
} from "./start-service.ts";
