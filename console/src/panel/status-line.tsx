import { session } from "../connection.ts";
import { nameOf } from "../player-names.ts";
import { logOut } from "../stage.ts";
import { stateWords } from "../words/session-words.ts";
import { world } from "../world.ts";
import { Mark } from "./mark.tsx";

export function StatusLine() {
  const state = session.value;
  const opened = world.value;
  return (
    <header class="status">
      <h1>
        <Mark size={22} />
        Hexhold
      </h1>
      <p class={`lamp ${state.mode}`} role="status">
        {stateWords(state)}
      </p>
      <p class="identity">
        {opened !== undefined && (
          <>
            <span class="sr">You play as </span>
            <strong>
              <bdi>{nameOf(opened.playerId)}</bdi>
            </strong>
          </>
        )}
      </p>
      <button type="button" onClick={() => void logOut()}>
        Log out
      </button>
    </header>
  );
}
