import { effect } from "@preact/signals";
import type { Account } from "@hexhold/client";
import { useEffect, useState } from "preact/hooks";
import { goOn } from "./account.ts";
import { takeLogin } from "./join-token.ts";
import { MapView } from "./map/map-view.tsx";
import { FrameList } from "./panel/frame-list.tsx";
import { HexCard } from "./panel/hex-card.tsx";
import { JoinForm } from "./panel/join-form.tsx";
import { StatusLine } from "./panel/status-line.tsx";
import { endWords, resources, resourceNames } from "./words.ts";
import {
  gaps,
  isPresent,
  join,
  notes,
  ownBalance,
  ownHex,
  ownPlayers,
  ownStock,
  session,
  world,
} from "./world.ts";

export function App({ token: guest }: { token: string | undefined }) {
  const [account, setAccount] = useState<Account>();
  // A guest's address wins: it was opened just now.
  const [isGoingOn, setGoingOn] = useState(guest === undefined && takeLogin() !== undefined);
  const token = guest ?? account?.token;
  useEffect(() => {
    if (isGoingOn) void goOn().then((found) => (setAccount(found), setGoingOn(false)));
  }, []);
  useEffect(() => {
    if (token !== undefined) join(token);
  }, [token]);
  useEffect(() => (token === undefined ? undefined : effect(mirror)), [token]);
  const rejoin = (next: string): void => {
    location.hash = `token=${next}`;
  };
  if (isGoingOn) return <p class="hint">Logging in…</p>;
  if (token === undefined) {
    return (
      <JoinForm
        why="Register or log in to play. As a guest, open the address that npm start prints behind “play”."
        onToken={rejoin}
        onAccount={setAccount}
      />
    );
  }
  const state = session.value;
  if (state.mode === "closed") {
    return <JoinForm why={endWords(state.reason)} onToken={rejoin} />;
  }
  return (
    <div class="world">
      <StatusLine />
      <div class="stage">
        {world.value !== undefined && <MapView world={world.value} />}
        <p class="hint">{hint(world.value !== undefined, isPresent.value)}</p>
        <Notes />
      </div>
      <aside>
        {world.value !== undefined && <HexCard world={world.value} />}
        <FrameList />
        {world.value !== undefined && (
          <p class="identity">
            You are <code>{world.value.accountText}</code>
          </p>
        )}
      </aside>
    </div>
  );
}

/** What the player may do now, or waits for. */
function hint(hasWorld: boolean, present: boolean): string {
  if (!hasWorld) return "Looking for your hex…";
  return present ? "Click or tap inside your hex to walk" : "Coming online…";
}

function Notes() {
  return (
    <ul class="notes" role="log" aria-live="polite" aria-label="Messages">
      {notes.value.map((note) => (
        <li key={note.nth}>{note.text}</li>
      ))}
    </ul>
  );
}

/** What tests read, and nothing else: attributes of the body. */
function mirror(): void {
  const { dataset } = document.body;
  dataset["state"] = session.value.mode;
  dataset["present"] = String(isPresent.value);
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
