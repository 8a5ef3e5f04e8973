import { runGovernance } from "./run-governance.ts";

await runGovernance(process.env);
