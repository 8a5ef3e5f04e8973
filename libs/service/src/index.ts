export { followRoutes } from "./follow-routes.ts";
export { gameModuleUrl } from "./game/game-module.ts";
export { type GameSettings, loadGame } from "./game/load-game.ts";
export {
  type JoinFields,
  type RunningService,
  type ServeFields,
  type Service,
  type ServiceOptions,
  type ServicePorts,
  startService,
} from "./start-service.ts";
