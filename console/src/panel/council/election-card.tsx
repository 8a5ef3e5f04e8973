import { compareBytes, createCouncil, hexDigits } from "@hexhold/client";
import {
  type Candidate,
  ElectionState,
  type ElectionView,
} from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { useEffect, useState } from "preact/hooks";
import { type CouncilSeen, readCouncilSoon } from "../../council.ts";
import { nameOf } from "../../player-names.ts";
import {
  causeWords,
  resultWords,
  standFault,
  standWordsMax,
  turnoutWords,
} from "../../words/council-words.ts";
import { amountWords } from "../../words/number-words.ts";
import { shownText } from "../../words/shown-text.ts";
import { clockWords } from "../../words/time-words.ts";
import { nowMs, type World } from "../../world.ts";
import { type Act, ActButton, ActForm, Said, useAct } from "../act.tsx";
import { TextField } from "../field.tsx";

/** The newest election of the hex: to call, to stand, to vote, and how it ended. */
export function ElectionCard({ seen, world }: { seen: CouncilSeen; world: World }) {
  const act = useAct();
  const view = seen.election;
  const isOpen = view?.election?.state === ElectionState.OPEN;
  const leftMs = Number(view?.election?.closesMs ?? 0n) - nowMs.value;
  // Of an election that is over what was said of a vote is of no interest any more.
  useEffect(() => (isOpen ? () => act.clear() : undefined), [isOpen]);
  return (
    <section class="card" aria-labelledby="election">
      <h2 id="election">
        {isOpen || view === undefined ? "Election of the owner" : "The last election"}
        {isOpen && (
          <span class="place" role="timer">
            {leftMs > 0 ? `closes in ${clockWords(leftMs)}` : "is being counted"}
          </span>
        )}
      </h2>
      {view === undefined ? (
        <p class="lead-line">There was none in this hex yet.</p>
      ) : (
        <Shown view={view} isOpen={isOpen} world={world} act={act} />
      )}
      {!isOpen && <Call world={world} act={act} />}
      {isOpen && <Stand key={view?.election?.election} view={view} world={world} act={act} />}
      <Said act={act} />
    </section>
  );
}

function Shown({
  view,
  isOpen,
  world,
  act,
}: {
  view: ElectionView;
  isOpen: boolean;
  world: World;
  act: Act;
}) {
  const { election, candidates, ownWeight } = view;
  if (election === undefined) return null;
  return (
    <>
      <p class="lead-line">
        {isOpen ? (
          `${causeWords(election.cause)} ${turnoutWords(election)}`
        ) : (
          <>
            <bdi>{resultWords(election, nameIn(view, election.winner))}</bdi>.
          </>
        )}
      </p>
      {isOpen && (
        <p class="rule">
          {ownWeight > 0n
            ? `Your vote has a weight of ${amountWords(ownWeight)}. You may change it until the end.`
            : "You have no vote in this one: you had no reputation here when it was called."}
        </p>
      )}
      {candidates.length === 0 && isOpen && <p class="empty">Nobody stands yet.</p>}
      <ul class="candidates rows">
        {candidates.map((candidate) => (
          <Row
            key={hexDigits(candidate.accountId)}
            candidate={candidate}
            view={view}
            isOpen={isOpen}
            world={world}
            act={act}
          />
        ))}
      </ul>
    </>
  );
}

function Row({
  candidate,
  view,
  isOpen,
  world,
  act,
}: {
  candidate: Candidate;
  view: ElectionView;
  isOpen: boolean;
  world: World;
  act: Act;
}) {
  const { accountId, words, weight } = candidate;
  const name = candidateName(candidate);
  const isVoted = compareBytes(view.ownVote, accountId) === 0;
  const isWinner = compareBytes(view.election!.winner, accountId) === 0;
  return (
    <li class={isWinner ? "winner" : ""}>
      <span class="what">
        <bdi>{name}</bdi>
        {isWinner && <small class="tag">elected</small>}
        {isVoted && <small class="tag">your vote</small>}
      </span>
      {words !== "" && (
        <span class="state">
          <bdi>{shownText(words)}</bdi>
        </span>
      )}
      {isOpen ? (
        view.ownWeight > 0n && (
          <ActButton
            act={act}
            aria-label={`${isVoted ? "Voted" : "Vote"} for ${name}`}
            aria-pressed={isVoted}
            onClick={() =>
              void vote(act, world, view.election!.election, accountId, `You vote for ${name}.`)
            }
          >
            {isVoted ? "Voted" : "Vote"}
          </ActButton>
        )
      ) : (
        <span class="amount">{amountWords(weight)}</span>
      )}
    </li>
  );
}

async function vote(
  act: Act,
  { client }: World,
  election: string,
  candidate: Uint8Array,
  done: string,
): Promise<void> {
  const wish = { type: "cmd.governance.vote", doing: "Voting" };
  await act.run(wish, () => createCouncil(client).vote(election, candidate), done);
  readCouncilSoon();
}

function Call({ world, act }: { world: World; act: Act }) {
  return (
    <div class="row-actions">
      <ActButton
        act={act}
        onClick={() =>
          void act
            .run(
              { type: "cmd.governance.call-election", doing: "Calling an election" },
              () => createCouncil(world.client).call(world.place.peek().home),
              "The election is open.",
            )
            .then(readCouncilSoon)
        }
      >
        Call an election
      </ActButton>
    </div>
  );
}

/** For electors who do not stand yet. */
function Stand({ view, world, act }: { view: ElectionView; world: World; act: Act }) {
  const [words, setWords] = useState("");
  const stands = view.candidates.some(
    ({ accountId }) => compareBytes(accountId, world.playerId) === 0,
  );
  const { election } = view;
  if (stands || view.ownWeight === 0n || election === undefined) return null;
  const submit = async (): Promise<void> => {
    const fault = standFault(words);
    if (fault !== undefined) {
      act.fail(fault);
      return;
    }
    await act.run(
      { type: "cmd.governance.stand", doing: "Standing for election" },
      () => createCouncil(world.client).stand(election.election, words),
      "You stand for owner.",
    );
    readCouncilSoon();
  };
  return (
    <ActForm submit={submit}>
      <div class="fields">
        <TextField
          id="stand-words"
          label="Stand yourself, and say what for"
          charactersMax={2 * standWordsMax}
          value={words}
          onValue={setWords}
        />
        <ActButton act={act} type="submit">
          Stand
        </ActButton>
      </div>
    </ActForm>
  );
}

/** As governance knows it; of a guest as the page calls it. */
function candidateName({ name, accountId }: Candidate): string {
  return name === "" ? nameOf(accountId) : shownText(name);
}

function nameIn({ candidates }: ElectionView, account: Uint8Array): string {
  const found = candidates.find(({ accountId }) => compareBytes(accountId, account) === 0);
  return found === undefined ? nameOf(account) : candidateName(found);
}
