import { expect, it } from "vitest";
import { processEnv } from "./process-env.ts";

it("a process gets the host's environment, and what the host says in place of what stands there, or in a file", () => {
  const env = {
    HEXHOLD_GAME__MODULE_FILE: "/run/module",
    HEXHOLD_WORLD__GAME: "old",
    HEXHOLD_ROUTER__ADMIN_TOKEN_FILE: "/run/token",
    PATH: "/bin",
    UNSET: undefined,
  };
  const own = { HEXHOLD_GAME__MODULE: "file:///game.ts", HEXHOLD_WORLD__GAME: "flowers" };
  expect(processEnv(env, own)).toEqual({
    HEXHOLD_GAME__MODULE: "file:///game.ts",
    HEXHOLD_WORLD__GAME: "flowers",
    HEXHOLD_ROUTER__ADMIN_TOKEN_FILE: "/run/token",
    PATH: "/bin",
  });
});
