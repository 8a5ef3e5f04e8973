import { describe, expect, it, vi } from "vitest";
import { exitWhenParentGone } from "./parent-watch.ts";

describe("exitWhenParentGone", () => {
  it("calls at once when the parent is already another", () => {
    const onGone = vi.fn<() => void>();
    exitWhenParentGone({ env: { HEXHOLD_PARENT_PID: "1" }, onGone, intervalMs: 5 });
    expect(onGone).toHaveBeenCalledTimes(1);
  });

  it("stays quiet while the parent is the one named", async () => {
    const onGone = vi.fn<() => void>();
    const stop = exitWhenParentGone({
      env: { HEXHOLD_PARENT_PID: String(process.ppid) },
      onGone,
      intervalMs: 5,
    });
    await new Promise((resolve) => setTimeout(resolve, 40));
    stop();
    expect(onGone).not.toHaveBeenCalled();
  });

  it("watches nothing without the variable", () => {
    const onGone = vi.fn<() => void>();
    exitWhenParentGone({ env: {}, onGone, intervalMs: 5 })();
    expect(onGone).not.toHaveBeenCalled();
  });
});
