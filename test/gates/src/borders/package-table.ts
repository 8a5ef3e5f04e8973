/**
 * Who may import whom: the one table. An arrow that is not here fails the gate, in `package.json` and in
 * import statements alike. The direction, from the ground up:
 *
 *   gen, hex ← actor ← games/*
 *   config, telemetry ← local-stack ← hexctl
 *   config, telemetry ← postgres, rpc, messaging ← router, worker, gateway, domains/* ← hexctl
 *   gen, hex ← client ← games/*-client ← bots, console
 *   protoc-gen-hexhold generates into gen and into games; nobody imports it
 *   testing ← tests only
 *
 * Services never import services; hexctl alone composes them.
 */

export interface PackageRule {
  /** Workspace packages, by folder, that any of its sources may import. */
  readonly uses: readonly string[];
  /** And these only in its tests. */
  readonly usesInTests?: readonly string[];
  /**
   * `pure`: no `node:*`, no clock, no randomness, no timer, no process: the same input gives the same output
   * everywhere. `browser`: no `node:*`. Tests excepted. Default: a program of Node.
   */
  readonly runsIn?: "pure" | "browser";
}

/** In tests every package may use these workspace packages; `libs/testing` is for nothing else. */
export const usableInEveryTest: readonly string[] = ["libs/testing"];

/** What the root's package.json brings for the tests of every package. */
export const broughtByRoot: readonly string[] = ["vitest"];

const inEveryService = [
  "gen",
  "libs/hex",
  "libs/config",
  "libs/telemetry",
  "libs/rpc",
  "libs/messaging",
];

export const packageTable: Readonly<Record<string, PackageRule>> = {
  gen: { uses: [] },
  "libs/hex": { uses: [], runsIn: "pure" },
  "libs/actor": { uses: ["gen", "libs/hex"], runsIn: "pure" },
  "games/reference": { uses: ["gen", "libs/hex", "libs/actor"], runsIn: "pure" },

  // A plugin of protoc.
  "libs/protoc-gen-hexhold": { uses: [] },

  "libs/config": { uses: [] },
  "libs/telemetry": { uses: [] },
  "libs/postgres": { uses: ["libs/config", "libs/telemetry"] },
  "libs/rpc": { uses: ["gen", "libs/hex", "libs/config", "libs/telemetry"] },
  // Starts the private services of a machine or a test run. It is below the product, which only uses their URLs.
  "libs/local-stack": { uses: ["libs/config", "libs/telemetry"] },
  // Its tests kill a broker of their own, which a local stack starts.
  "libs/messaging": {
    uses: ["gen", "libs/hex", "libs/config", "libs/telemetry"],
    usesInTests: ["libs/local-stack"],
  },
  // How every service starts and stops, and how it loads the game that configuration names. Without a database:
  // gateways have none. From libs/actor only the shape of a game module.
  "libs/service": {
    uses: ["gen", "libs/config", "libs/messaging", "libs/rpc", "libs/telemetry", "libs/actor"],
  },
  // The machinery that all services in domains/ share, commands to hexes among it.
  "libs/domain": {
    uses: ["gen", "libs/hex", "libs/messaging", "libs/postgres", "libs/rpc", "libs/telemetry"],
  },
  // For tests, and for bench and demo, which try a world from outside: it is above what it helps to test. It loads no service, starts worlds by hexctl's command line,
  // and has the reference game with rules that misbehave.
  "libs/testing": {
    uses: ["gen", "libs/hex", "libs/actor", "libs/rpc", "games/reference", "client"],
  },

  router: { uses: [...inEveryService, "libs/postgres"] },
  // The game is a module that configuration names; tests of the worker use the reference game and games of their own.
  worker: {
    uses: [...inEveryService, "libs/service", "libs/postgres", "libs/actor"],
    usesInTests: ["games/reference"],
  },
  // Asks the game for the ledger transaction of an event.
  "domains/inventory": {
    uses: [...inEveryService, "libs/service", "libs/postgres", "libs/domain", "libs/actor"],
    usesInTests: ["games/reference"],
  },
  // Knows no game: what is traded are names of assets.
  "domains/market": {
    uses: [...inEveryService, "libs/service", "libs/postgres", "libs/domain"],
  },
  // Asks the game what an event is worth to who did it.
  "domains/governance": {
    uses: [
      ...inEveryService,
      "libs/hex",
      "libs/service",
      "libs/postgres",
      "libs/domain",
      "libs/actor",
    ],
  },
  // Knows no game: players talk in any. Which hexes are neighbours, it must know.
  "domains/chat": {
    uses: [...inEveryService, "libs/hex", "libs/service", "libs/postgres", "libs/domain"],
  },
  // No database. Of the game only the descriptors.
  gateway: {
    uses: [...inEveryService, "libs/service"],
    usesInTests: ["games/reference"],
  },

  "domains/accounts": {
    uses: [...inEveryService, "libs/service", "libs/postgres", "libs/domain"],
  },

  // Of every game: it knows none.
  client: { uses: ["gen", "libs/hex"], runsIn: "browser" },
  // What the SDK needs to play and show the reference game.
  "games/reference-client": { uses: ["gen", "libs/hex", "client"], runsIn: "browser" },
  console: { uses: ["gen", "libs/hex", "client", "games/reference-client"], runsIn: "browser" },
  bots: { uses: ["gen", "libs/hex", "client", "games/reference-client"] },

  hexctl: {
    uses: [
      ...inEveryService,
      "libs/postgres",
      "libs/local-stack",
      "libs/domain",
      "libs/actor",
      "libs/service",
      "client",
      "router",
      "worker",
      "gateway",
      "domains/inventory",
      "domains/market",
      "domains/governance",
      "domains/chat",
      "domains/accounts",
      // Named as the default of `game.module`; nothing of it is imported.
      "games/reference",
      // Built by it and served by the gateway as files.
      "console",
    ],
  },

  // Starts a world, or attaches to one, lets bots play in it, breaks parts of it and checks what must hold. Apart
  // from bots, which remain a library of the SDK alone.
  demo: { uses: ["gen", "libs/hex", "libs/rpc", "libs/testing", "bots"] },

  // Measures the world from outside. The baseline commits its own rows (libs/postgres), and the game that is
  // measured is the reference game with an event of the size that is asked for.
  bench: {
    uses: [
      "gen",
      "libs/hex",
      "libs/actor",
      "libs/rpc",
      "libs/messaging",
      "libs/postgres",
      "libs/testing",
      "games/reference",
      "games/reference-client",
      "client",
      "libs/local-stack",
      // Its matching and store alone, beside the service.
      "domains/market",
    ],
  },
  // Checks stored rows by folding the journal again with the rules that wrote it; starts worlds on a database of its own.
  "test/chaos": {
    uses: [
      "libs/config",
      "libs/local-stack",
      "gen",
      "libs/hex",
      "libs/actor",
      "libs/rpc",
      "libs/messaging",
      "games/reference",
      "games/reference-client",
      "client",
      "bots",
    ],
  },
  "test/e2e": {
    uses: [
      "gen",
      "libs/hex",
      "libs/actor",
      "libs/rpc",
      "libs/messaging",
      "games/reference",
      "games/reference-client",
      "client",
      "libs/local-stack",
    ],
  },
  // The private stack of a test run is a local stack.
  "test/planted": { uses: [] },
  "test/gates": { uses: ["gen", "libs/messaging", "libs/testing", "libs/local-stack"] },
};

/** A package below games/ or examples/ that the table does not name: the rules of a game, with messages of its own. */
export const gameRule: PackageRule = {
  uses: ["gen", "libs/hex", "libs/actor"],
  usesInTests: ["client"],
  runsIn: "pure",
};

/** The rule of a workspace package; undefined: the table lacks it. */
export function ruleOf(
  folder: string,
  table: Readonly<Record<string, PackageRule>> = packageTable,
): PackageRule | undefined {
  return table[folder] ?? (/^(games|examples)\//.test(folder) ? gameRule : undefined);
}

/**
 * Messages of a game that live in gen/, and which sources may know them besides tests: the game's own, and programs
 * that play it. The platform's services know no game.
 */
export const gameMessages: Readonly<Record<string, readonly string[]>> = {
  "@hexhold/gen/hexhold/reference/": [
    "games/reference",
    "libs/testing/",
    "bots/",
    "console/",
    "demo/",
    "bench/",
    "test/",
  ],
};

/** A package that talks to a server, and where it may be imported: inside the adapters, and in tests. */
export const driverTable: Readonly<Record<string, readonly string[]>> = {
  pg: ["libs/postgres/src/", "libs/testing/src/", "libs/local-stack/src/", "bench/src/"],
  "node-pg-migrate": ["libs/postgres/src/"],
  // The local stack asks each server whether it is ready, and its version.
  amqplib: ["libs/messaging/src/buses/", "libs/local-stack/src/", "bench/src/"],
  ioredis: ["router/src/lease/lease-stores/", "libs/testing/src/", "libs/local-stack/src/"],
  // hexctl's verification lists all documents, which no worker ever does.
  mongodb: [
    "worker/src/snapshot/snapshot-stores/",
    "libs/testing/src/",
    "libs/local-stack/src/",
    "hexctl/src/verify/list-snapshots.ts",
  ],
};
