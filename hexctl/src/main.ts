import { useCompileCache } from "@hexhold/local-stack/compile-cache";

useCompileCache();
// Imported afterwards, or it would all be compiled by then.
const { runMain } = await import("./run-main.ts");
runMain(process.argv, process.env);
