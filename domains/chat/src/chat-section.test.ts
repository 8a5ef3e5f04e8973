import { expect, it } from "vitest";
import { chatSection } from "./chat-section.ts";

it("has the limits of a world that strangers meet in", () => {
  expect(chatSection.parse({})).toMatchObject({
    enabled: true,
    textCodePointsMax: 256,
    local: { burst: 5, perSecond: 1 },
    world: { burst: 3, perSecond: 0.1 },
    whisper: { burst: 10, perSecond: 1 },
    newPartnersPerHour: 20,
    worldMinAgeMinutes: 10,
    keepDays: { world: 3, hex: 7, whisper: 30 },
    words: [],
  });
  expect(chatSection.parse({ local: { burst: 9 } }).local).toEqual({ burst: 9, perSecond: 1 });
});

it.each([
  [{ textCodePointsMax: 257 }, "textCodePointsMax"],
  [{ local: { burst: 0 } }, "local.burst"],
  [{ world: { perSecond: 0 } }, "world.perSecond"],
  [{ keepDays: { hex: 0 } }, "keepDays.hex"],
  [{ words: ["two words"] }, "words.0"],
  [{ wrods: [] }, ""],
])("refuses %j and names %s", (given, place) => {
  const parsed = chatSection.safeParse(given);
  expect(parsed.success).toBe(false);
  expect(parsed.error?.issues[0]?.path.join(".")).toBe(place);
});
