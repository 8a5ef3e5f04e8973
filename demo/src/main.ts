/** `npm run demo`: what it shows and checks is in demo/README.md. */
import { CommanderError } from "commander";
import { type DemoOptions, readDemoOptions } from "./demo-options.ts";
import { createProgressPrinter } from "./progress-printer.ts";
import { runDemo, writePicture, writeResult } from "./run-demo.ts";
import { summaryLines } from "./summary-lines.ts";

process.exitCode = await main();

async function main(): Promise<number> {
  let options: DemoOptions;
  try {
    options = readDemoOptions(process.argv.slice(2));
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    console.error((error as Error).message);
    return 1;
  }
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => interrupted.abort(new Error(`interrupted (${signal})`)));
  }
  try {
    const result = await runDemo(options, {
      env: process.env,
      say: (line) => console.log(line),
      progress: createProgressPrinter(process.stdout),
      signal: interrupted.signal,
    });
    if (options.json !== undefined) writeResult(options.json, result);
    if (options.svg !== undefined) writePicture(options.svg, result);
    for (const line of summaryLines(result)) console.log(line);
    console.log(`${result.passed} passed, ${result.failed} failed`);
    return result.failed === 0 ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    console.log("0 passed, 1 failed");
    return 1;
  }
}
