import { diskOf, hexText, keyText, parseKeyText } from "@hexhold/hex";
import { describe, expect, it } from "vitest";
import { parseChannel, partnerIn, readRefusal, topicOf, whisperChannel } from "./channels.ts";

const anna = "01890000-0000-7000-8000-00000000000a";
const bert = "01890000-0000-7000-8000-00000000000b";
const home = "861f1d48fffffff";
const { hexId } = parseKeyText(home);

describe("a channel", () => {
  it("of two accounts has one name, whoever whispers", () => {
    expect(whisperChannel(bert, anna)).toBe(whisperChannel(anna, bert));
    const channel = parseChannel(whisperChannel(bert, anna));
    expect(channel).toEqual({ kind: "whisper", accounts: [anna, bert] });
    if (channel?.kind === "whisper") expect(partnerIn(channel, bert)).toBe(anna);
  });

  it.each([
    "",
    "worlds",
    "world/1",
    "hex",
    "hex/",
    "hex/861f1d48fffffff/1",
    "hex/nothing",
    `whisper/${anna}`,
    `whisper/${bert}/${anna}`,
    `whisper/${anna}/${anna}`,
    `whisper/${anna}/${bert}/${bert}`,
  ])("is not called %j", (name) => {
    expect(parseChannel(name)).toBeUndefined();
  });

  it("has a topic when it is for more than two", () => {
    const topics = ["world", `hex/${home}`, `hex/${home}.2`, whisperChannel(anna, bert)];
    expect(topics.map((name) => topicOf(parseChannel(name)!))).toEqual([
      "chat/world",
      `chat/${home}`,
      `chat/${home}.2`,
      undefined,
    ]);
  });

  it("of a hex is read from there and from the hexes beside it, on its layer", () => {
    const ring = diskOf(hexId, 1).map(hexText);
    const outside = diskOf(hexId, 2)
      .map(hexText)
      .filter((hex) => !ring.includes(hex));
    const read = (hex: string | undefined) => readRefusal(parseChannel(`hex/${home}`), anna, hex);
    expect(ring.map(read)).toEqual(Array(7).fill(undefined));
    expect(outside.map(read)).toEqual(Array(12).fill("too-far"));
    expect(read(undefined)).toBe("too-far");
    expect(read(keyText({ hexId, layerId: 1 }))).toBe("too-far");
  });

  it("of two is read by them, and of others as if there were none", () => {
    const carl = "01890000-0000-7000-8000-00000000000c";
    const read = (account: string, name: string) => readRefusal(parseChannel(name), account, home);
    expect(read(anna, whisperChannel(anna, bert))).toBeUndefined();
    expect(read(carl, whisperChannel(anna, bert))).toBe("not-yours");
    expect(read(carl, `whisper/${bert}/${anna}`)).toBe("not-yours");
    expect(read(anna, "world")).toBeUndefined();
  });
});
