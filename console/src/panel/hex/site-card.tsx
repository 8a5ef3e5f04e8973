import { compareBytes } from "@hexhold/client";
import { type Site, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { ownerAt, roomAt } from "@hexhold/reference-client";
import { useState } from "preact/hooks";
import { nameOf } from "../../player-names.ts";
import { siteKindNames, siteWords } from "../../words/land-words.ts";
import { amountWords } from "../../words/number-words.ts";
import { resourceColours, resourceNames } from "../../words/resource-words.ts";
import { mayAct, nowMs, ownHex, type World } from "../../world.ts";
import { type Act, ActButton, Said, useAct } from "../act.tsx";
import { SelectField } from "../field.tsx";

/** What is built in the hex, or can be. */
export function SiteCard({ world }: { world: World }) {
  const view = ownHex.value?.view;
  const act = useAct();
  if (view === undefined) return null;
  const { site } = view;
  const kind = site === undefined ? undefined : (siteKindNames[site.kind] ?? "building");
  return (
    <section class="card" aria-labelledby="site">
      <h2 id="site">
        Building site
        {site !== undefined && (
          <span class="place">
            {kind}, planned by <bdi>{nameOf(site.plannedBy)}</bdi>
          </span>
        )}
      </h2>
      {site === undefined ? (
        <PlanForm world={world} view={view} act={act} />
      ) : (
        <OpenSite world={world} view={view} site={site} act={act} />
      )}
      <Said act={act} />
    </section>
  );
}

function OpenSite({
  world,
  view,
  site,
  act,
}: {
  world: World;
  view: HexView;
  site: Site;
  act: Act;
}) {
  const isStarted = site.startedMs > 0n;
  const owner = ownerAt(view, nowMs.value);
  const isMine = [owner, site.plannedBy].some(
    (account) => account !== undefined && compareBytes(account, world.playerId) === 0,
  );
  return (
    <>
      <p class="lead-line" role={isStarted ? "timer" : undefined}>
        {siteWords(site, nowMs.value)}
      </p>
      {isStarted ? (
        <Progress site={site} />
      ) : (
        <ul class="needs">
          {site.needs.map((need) => {
            const name = resourceNames[need.resource] ?? "goods";
            const room = roomAt(view, need, name);
            const coming = need.need - need.got - room;
            return (
              <li key={need.resource} style={{ "--colour": resourceColours[need.resource] ?? "" }}>
                <span class="name">{name}</span>
                <span
                  class="bar"
                  role="meter"
                  aria-label={`${name} brought`}
                  aria-valuemin={0}
                  aria-valuemax={Number(need.need)}
                  aria-valuenow={Number(need.got)}
                >
                  <i style={{ width: `${share(need.got, need.need)}%` }} />
                </span>
                <span class="amount">
                  {amountWords(need.got)}
                  <small> / {amountWords(need.need)}</small>
                </span>
                {coming > 0n && <small class="coming">{amountWords(coming)} on the way</small>}
              </li>
            );
          })}
        </ul>
      )}
      {isMine && !isStarted && (
        <div class="row-actions">
          <ActButton
            act={act}
            isOff={!mayAct.value}
            onClick={() =>
              void act.run(
                { type: "cmd.hex.give-up-site", doing: "Giving up the site" },
                () => world.figure.giveUpSite(site.siteId),
                "The site is given up: what was brought goes back to those who brought it.",
              )
            }
          >
            Give up the site
          </ActButton>
        </div>
      )}
    </>
  );
}

function Progress({ site }: { site: Site }) {
  const whole = site.dueMs - site.startedMs;
  const done = BigInt(Math.floor(nowMs.value)) - site.startedMs;
  const percent = Math.max(Math.min(share(done, whole), 100), 0);
  return (
    <span
      class="bar progress"
      role="progressbar"
      aria-label="How much of it is built"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.floor(percent)}
    >
      <i style={{ width: `${percent}%` }} />
    </span>
  );
}

const kinds = [SiteKind.DWELLING, SiteKind.STOREHOUSE, SiteKind.WELL] as const;
const uses: Readonly<Record<number, string>> = {
  [SiteKind.DWELLING]: "room for more players",
  [SiteKind.STOREHOUSE]: "larger stocks",
  [SiteKind.WELL]: "stocks regrow faster",
};

function PlanForm({ world, view, act }: { world: World; view: HexView; act: Act }) {
  const [kind, setKind] = useState<SiteKind>(SiteKind.DWELLING);
  const owner = ownerAt(view, nowMs.value);
  if (owner !== undefined && compareBytes(owner, world.playerId) !== 0) {
    return <p class="lead-line">Nothing is being built. The owner of the hex plans what is.</p>;
  }
  const name = siteKindNames[kind] ?? "building";
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!mayAct.value) return;
        void act.run(
          { type: "cmd.hex.plan-site", doing: `Planning a ${name}` },
          () => world.figure.planSite(kind),
          `The ${name} is planned: bring what it needs.`,
        );
      }}
    >
      <div class="fields">
        <SelectField
          id="plan-kind"
          className="broad"
          label="Nothing is being built. Plan a"
          value={String(kind)}
          onValue={(value) => setKind(Number(value) as SiteKind)}
        >
          {kinds.map((item) => (
            <option key={item} value={String(item)}>
              {siteKindNames[item]}: {uses[item]}
            </option>
          ))}
        </SelectField>
        <ActButton act={act} type="submit" isOff={!mayAct.value}>
          Plan it
        </ActButton>
      </div>
    </form>
  );
}

/** In percent, for the width of a bar. */
function share(part: bigint, whole: bigint): number {
  return whole <= 0n ? 100 : Number((part * 1000n) / whole) / 10;
}
