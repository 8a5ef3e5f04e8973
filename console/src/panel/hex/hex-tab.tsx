import { hasLand, sight, type World } from "../../world.ts";
import type { Tab } from "../tabs/tab.ts";
import { DocumentCard } from "./document-card.tsx";
import { GiveCard } from "./give-card.tsx";
import { HexCard } from "./hex-card.tsx";
import { OtherGameCard } from "./other-game-card.tsx";
import { SiteCard } from "./site-card.tsx";
import { WalkCard } from "./walk-card.tsx";

/** The hex where the player lives: what is there, what can be built, and the ways out of it. */
export const hexTab: Tab = {
  id: "hex",
  title: "Hex",
  isShown: () => true,
  Panel: ({ world }) => (
    <>
      <OwnHex world={world} />
      {hasLand.value && <SiteCard world={world} />}
      {hasLand.value && <GiveCard world={world} />}
      <WalkCard world={world} />
    </>
  ),
};

function OwnHex({ world }: { world: World }) {
  switch (sight.value) {
    case "unknown":
    case "reference":
      return <HexCard world={world} />;
    case "readable":
      return <DocumentCard world={world} />;
    case "none":
      return <OtherGameCard world={world} />;
    default:
      return sight.value satisfies never;
  }
}
