import { runInventory } from "./run-inventory.ts";

await runInventory(process.env);
