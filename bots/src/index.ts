export type { CommandEnd, CommandKind, TransferEnd } from "./command-end.ts";
export { decideNext, type Step, type Surroundings } from "./decide-next.ts";
export { type Bots, type BotsOptions, type BotsStats, startBots } from "./start-bots.ts";
export { type Random, seededRandom } from "./seeded-random.ts";
