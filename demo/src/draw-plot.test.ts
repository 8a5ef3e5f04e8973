import { expect, it } from "vitest";
import { drawPlot } from "./draw-plot.ts";

it("draws a column a second, as high as its share of the highest, with marks below their seconds", () => {
  expect(drawPlot([8, 4, 0, 8.4], [{ at: 2.9, label: "kill worker-1" }])).toEqual([
    "8 ┤▅  █",
    "  ┤█  █",
    "  ┤█  █",
    "  ┤█  █",
    "  ┤█▆ █",
    "  ┤██ █",
    "  ┤██ █",
    "  ┤██ █",
    "0 └──── 4 s",
    "     ▲ kill worker-1",
  ]);
});

it("averages what is too long for a terminal, marks included", () => {
  const lines = drawPlot(
    Array.from({ length: 300 }, () => 10),
    [
      { at: 151, label: "half" },
      { at: 299, label: "late" },
    ],
  );
  expect(lines[8]).toBe(` 0 └${"─".repeat(60)} 300 s`);
  expect(lines[9]!.indexOf("▲")).toBe(lines[8]!.indexOf("─") + 30);
  expect(lines[10]!.indexOf("▲")).toBe(lines[8]!.lastIndexOf("─"));
});

it("has nothing to draw of nothing, and draws zeros as an empty plot", () => {
  expect(drawPlot([], [])).toEqual([]);
  expect(drawPlot([0, 0], [])[0]).toBe("1 ┤");
});
