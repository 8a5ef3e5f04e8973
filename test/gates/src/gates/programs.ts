/** Gates that are one program each. */
import type { Gate } from "../gate.ts";
import { runProgram } from "../run-program.ts";

/** A gate that passes when each of the programs does. */
function programs(name: string, commands: readonly (readonly [string, ...string[]])[]): Gate {
  return {
    name,
    run: async (root) => {
      const failures: string[] = [];
      for (const [program, ...args] of commands) {
        const { ok, output } = await runProgram(program, args, { cwd: root });
        if (!ok) failures.push(`${[program, ...args].join(" ")}\n${output}`);
      }
      return { failures };
    },
  };
}

export const formatGate = programs("format", [
  ["oxfmt", "--check", "."],
  ["buf", "format", "-d", "--exit-code", "proto"],
]);

/** Type-aware by .oxlintrc.json. */
export const lintGate = programs("lint", [["oxlint"]]);

export const typesGate = programs("types", [["tsc"]]);

export const protoGate = programs("proto", [["buf", "lint"]]);
