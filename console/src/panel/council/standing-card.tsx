import { compareBytes } from "@hexhold/client";
import type { CouncilSeen } from "../../council.ts";
import { nameOf } from "../../player-names.ts";
import { amountWords } from "../../words/number-words.ts";
import { spanWords } from "../../words/time-words.ts";
import { nowMs, type World } from "../../world.ts";

/** The player's reputation, and who owns the hex. */
export function StandingCard({ seen, world }: { seen: CouncilSeen; world: World }) {
  const { ownership, points, worldPoints } = seen;
  const leftMs = ownership === undefined ? 0 : Number(ownership.untilMs) - nowMs.value;
  const isMine = ownership !== undefined && compareBytes(ownership.owner, world.playerId) === 0;
  return (
    <section class="card" aria-labelledby="standing">
      <h2 id="standing">Council of your hex</h2>
      <dl class="figures">
        <div>
          <dt>your reputation here</dt>
          <dd>{amountWords(points)}</dd>
        </div>
        <div>
          <dt>in the world</dt>
          <dd>{amountWords(worldPoints)}</dd>
        </div>
      </dl>
      <p class="lead-line" role="status">
        {ownership === undefined || leftMs <= 0 ? (
          "Nobody owns this hex."
        ) : (
          <>
            {isMine ? "You own this hex" : <Owner account={ownership.owner} />} for{" "}
            {spanWords(leftMs)}
            {ownership.appliedMs === 0n && ", as soon as the hex has heard of it"}.
          </>
        )}
      </p>
    </section>
  );
}

function Owner({ account }: { account: Uint8Array }) {
  return (
    <>
      <bdi>{nameOf(account)}</bdi> owns this hex
    </>
  );
}
