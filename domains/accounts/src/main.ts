import { runAccounts } from "./run-accounts.ts";

await runAccounts(process.env);
