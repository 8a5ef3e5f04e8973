import { useEffect, useRef } from "preact/hooks";
import { logOut, type Player, play, toForm } from "../stage.ts";
import type { EndWords } from "../words/session-words.ts";
import { Mark } from "./mark.tsx";

/** The session is over; what can be done is the player's to say. */
export function Ended({ player, end }: { player: Player; end: EndWords }) {
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    <main class="front ended">
      <Mark size={60} />
      <h1>{end.title}</h1>
      <p class="lead" role="alert">
        {end.text}
      </p>
      <div class="actions">
        {end.mayComeBack ? (
          <>
            <button ref={first} type="button" class="primary" onClick={() => play(player)}>
              Play here
            </button>
            <button type="button" onClick={() => void logOut()}>
              Log out here
            </button>
          </>
        ) : (
          <button ref={first} type="button" class="primary" onClick={toForm}>
            To the log-in
          </button>
        )}
      </div>
    </main>
  );
}
