import { otherGame } from "../../words/game-words.ts";
import { placeWords } from "../../words/place-words.ts";
import type { World } from "../../world.ts";

/** Instead of a hex of a game that the page does not know. */
export function OtherGameCard({ world }: { world: World }) {
  return (
    <section class="card" aria-labelledby="your-hex">
      <h2 id="your-hex">
        Your hex <span class="place">{placeWords(world.place.value.home.hexId)}</span>
      </h2>
      <p class="about-game" role="status">
        {otherGame}
      </p>
    </section>
  );
}
