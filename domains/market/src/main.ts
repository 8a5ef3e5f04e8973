import { runMarket } from "./run-market.ts";

await runMarket(process.env);
