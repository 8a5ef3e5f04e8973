import { runRouter } from "./run-router.ts";

await runRouter(process.env);
