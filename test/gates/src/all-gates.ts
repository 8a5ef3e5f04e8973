import { bordersGate } from "./borders/borders-gate.ts";
import { contractsGate } from "./contracts/contracts-gate.ts";
import type { Gate } from "./gate.ts";
import { citationsGate } from "./gates/citations.ts";
import { freshCodeGate } from "./gates/fresh-code.ts";
import { formatGate, lintGate, protoGate, typesGate } from "./gates/programs.ts";
import { tidyGate } from "./gates/tidy.ts";
import { listenersGate } from "./listeners/listeners-gate.ts";

/** Every gate but the unit tests, which `npm test` runs with the other tests. */
export const allGates: readonly Gate[] = [
  lintGate,
  typesGate,
  freshCodeGate,
  contractsGate,
  protoGate,
  formatGate,
  bordersGate,
  listenersGate,
  tidyGate,
  citationsGate,
];
