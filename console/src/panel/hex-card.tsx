import type { Resource } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { keyText } from "@hexhold/hex";
import { resourceColours, resourceNames, resources } from "../words.ts";
import {
  gatherAmount,
  isPresent,
  ownBalance,
  ownHex,
  ownPlayers,
  ownStock,
  type World,
} from "../world.ts";

export function HexCard({ world }: { world: World }) {
  const view = ownHex.value?.view;
  return (
    <section class="card" aria-label="Your hex">
      <h2>
        Your hex <code>{keyText(world.home)}</code>
      </h2>
      <dl class="figures">
        <Figure name="level" value={view?.level} />
        <Figure name="experience" value={view?.xp} />
        <Figure name="here now" value={view === undefined ? undefined : ownPlayers.value.length} />
        <Figure name="live here" value={view?.population} />
        <Figure name="version" value={ownHex.value?.hexVersion} />
      </dl>
      <ul class="stocks">
        {resources.map((resource) => (
          <StockRow key={resource} resource={resource} world={world} />
        ))}
      </ul>
    </section>
  );
}

function Figure({ name, value }: { name: string; value: number | bigint | undefined }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value === undefined ? "–" : String(value)}</dd>
    </div>
  );
}

function StockRow({ resource, world }: { resource: Resource; world: World }) {
  const name = resourceNames[resource] ?? "";
  const stock = ownStock(resource);
  const balance = ownBalance(resource);
  const capacity = Number(ownHex.value?.view?.stockCapacity ?? 0n);
  const share = stock === undefined || capacity === 0 ? 0 : Math.min(stock / capacity, 1);
  return (
    <li style={{ "--colour": resourceColours[resource] ?? "" }}>
      <span class="name">{name}</span>
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
        {stock ?? "–"}
        <small> / {capacity === 0 ? "–" : capacity}</small>
      </span>
      <button
        type="button"
        aria-label={`Gather ${gatherAmount} ${name}`}
        disabled={!isPresent.value}
        onClick={() => void world.gather(resource)}
      >
        Gather {gatherAmount}
      </button>
      {balance !== undefined && <span class="owned">you have {String(balance)}</span>}
    </li>
  );
}
