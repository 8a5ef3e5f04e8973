import { gaps, roundTripMs, session } from "../world.ts";
import { stateWords } from "../words.ts";

export function StatusLine() {
  const state = session.value;
  const trip = roundTripMs.value;
  return (
    <header class="status">
      <h1>
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <path d="M16 2 28 9v14L16 30 4 23V9Z" />
          <circle cx="16" cy="16" r="4" />
        </svg>
        Hexhold
      </h1>
      <p class={`lamp ${state.mode}`} role="status">
        {stateWords(state)}
      </p>
      <dl class="figures">
        <div>
          <dt>round trip</dt>
          <dd>
            {trip === undefined ? "–" : `${trip < 10 ? trip.toFixed(1) : Math.round(trip)} ms`}
          </dd>
        </div>
        <div>
          <dt>gaps</dt>
          <dd title="noticed and healed / not noticed">
            {gaps.value.noticed} / {gaps.value.unnoticed}
          </dd>
        </div>
      </dl>
    </header>
  );
}
