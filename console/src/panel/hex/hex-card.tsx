import type { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { hexDigits } from "@hexhold/client";
import { capacityOf, ownerAt } from "@hexhold/reference-client";
import { hueOf } from "../../map/figures.ts";
import { nameOf } from "../../player-names.ts";
import { landLines } from "../../words/land-words.ts";
import { amountWords } from "../../words/number-words.ts";
import { placeWords } from "../../words/place-words.ts";
import { resourceColours, resourceNames, resourcesIn } from "../../words/resource-words.ts";
import {
  gatherAmount,
  mayAct,
  nowMs,
  ownBalance,
  ownHex,
  ownPlayers,
  ownStock,
  type World,
} from "../../world.ts";

export function HexCard({ world }: { world: World }) {
  const view = ownHex.value?.view;
  return (
    <section class="card" aria-labelledby="your-hex">
      <h2 id="your-hex">
        Your hex <span class="place">{placeWords(world.place.value.home.hexId)}</span>
      </h2>
      <dl class="figures">
        <Figure name="level" value={view?.level} />
        <Figure name="experience" value={view?.xp} />
        <Figure name="here now" value={view === undefined ? undefined : ownPlayers.value.length} />
        <Figure name="live here" value={view?.population} />
      </dl>
      <Land />
      <ul class="stocks">
        {resourcesIn(view).map((resource) => (
          <StockRow key={resource} resource={resource} world={world} />
        ))}
      </ul>
      <Company self={world.self} />
    </section>
  );
}

function Figure({ name, value }: { name: string; value: number | bigint | undefined }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value === undefined ? "–" : amountWords(value)}</dd>
    </div>
  );
}

/** Who owns the hex, and what stands or is built on it. */
function Land() {
  const view = ownHex.value?.view;
  const lines = view === undefined ? [] : landLines(view, nowMs.value, nameOf);
  const owner = view === undefined ? undefined : ownerAt(view, nowMs.value);
  if (lines.length === 0) return null;
  return (
    <dl class="land" aria-label="Land">
      {lines.map(({ name, words }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {name === "owner" && owner !== undefined && (
              // As on the map.
              <i class="swatch" style={{ "--colour": `hsl(${hueOf(owner)} 65% 62%)` }} />
            )}
            <bdi>{words}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function StockRow({ resource, world }: { resource: Resource; world: World }) {
  const name = resourceNames[resource] ?? "";
  const stock = ownStock(resource);
  const balance = ownBalance(resource);
  const view = ownHex.value?.view;
  const capacity = view === undefined ? 0 : capacityOf(view, resource);
  const share = stock === undefined || capacity === 0 ? 0 : Math.min(stock / capacity, 1);
  return (
    <li style={{ "--colour": resourceColours[resource] ?? "" }}>
      <span class="name">
        {name}
        {balance !== undefined && <small class="owned">you have {amountWords(balance)}</small>}
      </span>
      <span
        class="bar"
        role="meter"
        aria-label={`Stock of ${name}`}
        aria-valuemin={0}
        aria-valuemax={capacity}
        aria-valuenow={stock ?? 0}
      >
        <i style={{ width: `${share * 100}%` }} />
      </span>
      <span class="amount">
        {stock === undefined ? "–" : amountWords(stock)}
        <small> / {capacity === 0 ? "–" : amountWords(capacity)}</small>
      </span>
      <button
        type="button"
        aria-label={`Gather ${gatherAmount} ${name}`}
        // Not `disabled` for the moment of a walk: the focus would be lost.
        aria-disabled={!mayAct.value}
        onClick={() => void world.gather(resource)}
      >
        Gather {gatherAmount}
      </button>
    </li>
  );
}

/** Names that are listed; of more their number is told. */
const namesMax = 12;

/** Who else is here. */
function Company({ self }: { self: string }) {
  const others = ownPlayers.value.filter(({ playerId }) => hexDigits(playerId) !== self);
  if (others.length === 0) return <p class="company">Nobody else is here.</p>;
  const names = others.slice(0, namesMax).map(({ playerId }) => nameOf(playerId));
  const more = others.length - names.length;
  return (
    <p class="company">
      With you: <span class="names">{names.join(", ")}</span>
      {more > 0 && ` and ${more} more`}
    </p>
  );
}
