import { effect } from "@preact/signals";
import { keyText } from "@hexhold/hex";
import { useEffect } from "preact/hooks";
import { gaps, session } from "./connection.ts";
import { MapView } from "./map/map-view.tsx";
import { notes } from "./notes.ts";
import { Ended } from "./panel/ended.tsx";
import { FrameList } from "./panel/frame-list.tsx";
import { FrontPage } from "./panel/front-page.tsx";
import { StatusLine } from "./panel/status-line.tsx";
import { chosenTab } from "./panel/tabs/chosen-tab.ts";
import { Tabs } from "./panel/tabs/tabs.tsx";
import { stage } from "./stage.ts";
import { plane, walkByKeys } from "./ways.ts";
import { walkHint } from "./words/game-words.ts";
import { resourceNames, resources } from "./words/resource-words.ts";
import {
  arrivalWords,
  hasPlaces,
  isPresent,
  ownBalance,
  ownHex,
  ownPlayers,
  ownStock,
  sight,
  transit,
  world,
} from "./world.ts";

export function App() {
  useEffect(() => effect(mirror), []);
  const shown = stage.value;
  switch (shown.mode) {
    case "restoring":
      return <Waiting words="Logging in…" />;
    case "leaving":
      return <Waiting words="Logging out…" />;
    case "form":
      return <FrontPage why={shown.why} />;
    case "ended":
      return <Ended player={shown.player} end={shown.end} />;
    case "playing":
      return <Playing />;
    default:
      return shown satisfies never;
  }
}

function Waiting({ words }: { words: string }) {
  return (
    <main class="front">
      <p class="lead" role="status">
        {words}
      </p>
    </main>
  );
}

function Playing() {
  const opened = world.value;
  useEffect(walkByKeys, []);
  return (
    <div class="world">
      <StatusLine />
      <main class="stage">
        {opened !== undefined && plane.value !== undefined && (
          <MapView world={opened} plane={plane.value} />
        )}
        <p class="hint" aria-live="polite">
          {hint(opened !== undefined)}
        </p>
        <p class="sr" role="status">
          {arrivalWords.value}
        </p>
        <Notes />
      </main>
      <aside aria-label="Your hex and what you can do">
        {opened !== undefined && <Tabs world={opened} />}
        <FrameList world={opened} />
      </aside>
    </div>
  );
}

/** What the player may do now, or waits for. */
function hint(hasWorld: boolean): string {
  if (!hasWorld) return "Looking for your hex…";
  if (!isPresent.value) return "Coming into the world…";
  if (transit.value !== undefined) return "Walking to the next hex…";
  return walkHint(!matchMedia("(hover: hover)").matches, hasPlaces.value);
}

function Notes() {
  return (
    <div class="notes" role="log" aria-label="Messages">
      {notes.value.map((note) => (
        <p key={note.nth}>{note.text}</p>
      ))}
    </div>
  );
}

/** What tests read, and nothing else: attributes of the body. */
function mirror(): void {
  const { dataset } = document.body;
  const shown = stage.value.mode;
  const home = world.value?.place.value.home;
  dataset["stage"] = shown;
  dataset["sight"] = sight.value;
  dataset["tab"] = chosenTab.value;
  dataset["state"] = session.value.mode;
  dataset["present"] = String(isPresent.value);
  dataset["account"] = world.value?.accountText ?? "";
  dataset["home"] = home === undefined ? "" : keyText(home);
  dataset["walking"] = String(transit.value !== undefined);
  dataset["hexVersion"] = String(ownHex.value?.hexVersion ?? "");
  dataset["players"] = String(ownPlayers.value.length);
  dataset["gapsNoticed"] = String(gaps.value.noticed);
  dataset["gapsUnnoticed"] = String(gaps.value.unnoticed);
  for (const resource of resources) {
    const name = resourceNames[resource] ?? "";
    dataset[name] = String(ownStock(resource) ?? "");
    dataset[`${name}Owned`] = String(ownBalance(resource) ?? "");
  }
}
