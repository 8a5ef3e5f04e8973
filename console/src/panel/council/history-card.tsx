import { ElectionState } from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import type { CouncilSeen } from "../../council.ts";
import { nameOf } from "../../player-names.ts";
import { resultWords } from "../../words/council-words.ts";
import { shownText } from "../../words/shown-text.ts";
import { agoWords } from "../../words/time-words.ts";
import { nowMs } from "../../world.ts";

/** Owners of the hex and its elections so far; nothing before the first. */
export function HistoryCard({ seen }: { seen: CouncilSeen }) {
  const elections = seen.elections.filter(({ state }) => state !== ElectionState.OPEN);
  if (elections.length === 0 && seen.owners.length === 0) return null;
  const ago = (atMs: bigint): string => agoWords(nowMs.value - Number(atMs));
  return (
    <section class="card" aria-labelledby="history">
      <h2 id="history">What was before</h2>
      {seen.owners.length > 0 && (
        <>
          <h3>Owners</h3>
          <ol class="past">
            {seen.owners.map(({ number, owner, name, fromMs }) => (
              <li key={String(number)}>
                <span>
                  {String(number)}. <bdi>{name === "" ? nameOf(owner) : shownText(name)}</bdi>
                </span>
                <time>{ago(fromMs)}</time>
              </li>
            ))}
          </ol>
        </>
      )}
      {elections.length > 0 && (
        <>
          <h3>Elections</h3>
          <ol class="past">
            {elections.map((election) => (
              <li key={election.election}>
                <bdi>{resultWords(election, nameOf(election.winner))}</bdi>
                <time>{ago(election.closesMs)}</time>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}
