import { type BookLevel, createMarket } from "@hexhold/client";
import { Fill, Side } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { book, bookName } from "../../market.ts";
import { sideWords } from "../../words/market-words.ts";
import { amountWords } from "../../words/number-words.ts";
import type { World } from "../../world.ts";
import { type Act, ActButton, Said, useAct } from "../act.tsx";

/** Levels of a side that are shown. */
const levelsShown = 6;

/** Both sides of the book as bars, the best price on top, with a button that takes it. */
export function Depth({ world }: { world: World }) {
  const act = useAct();
  const { bids = [], asks = [] } = book.value ?? {};
  const shown = [...bids.slice(0, levelsShown), ...asks.slice(0, levelsShown)];
  const most = shown.reduce((all, { quantity }) => (quantity > all ? quantity : all), 1n);
  return (
    <div class="depth">
      <Levels side={Side.SELL} levels={bids} most={most} world={world} act={act} />
      <Levels side={Side.BUY} levels={asks} most={most} world={world} act={act} />
      <Said act={act} />
    </div>
  );
}

/** @param side of who takes from these levels: who buys takes what others sell */
function Levels({
  side,
  levels,
  most,
  world,
  act,
}: {
  side: Side;
  levels: readonly BookLevel[];
  most: bigint;
  world: World;
  act: Act;
}) {
  const isBuy = side === Side.BUY;
  const title = isBuy ? "For sale" : "Wanted";
  const best = levels[0];
  return (
    <div class={`levels ${isBuy ? "asks" : "bids"}`}>
      <table>
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">price</th>
            <th scope="col">how many</th>
          </tr>
        </thead>
        <tbody>
          {levels.slice(0, levelsShown).map(({ price, quantity }) => (
            <tr key={String(price)} style={{ "--share": `${Number((quantity * 100n) / most)}%` }}>
              <td>{amountWords(price)}</td>
              <td>{amountWords(quantity)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {best === undefined ? (
        <p class="empty">{isBuy ? "Nobody sells." : "Nobody buys."}</p>
      ) : (
        <TakeBest side={side} best={best} world={world} act={act} />
      )}
    </div>
  );
}

/** Orders all of the best level for now: what is gone meanwhile is not waited for. */
function TakeBest({
  side,
  best,
  world,
  act,
}: {
  side: Side;
  best: BookLevel;
  world: World;
  act: Act;
}) {
  const name = bookName.value;
  const { price } = best;
  const quantity = best.quantity < takeMax ? best.quantity : takeMax;
  const words = `${sideWords(side)} ${amountWords(quantity)} at ${amountWords(price)}`;
  return (
    <ActButton
      act={act}
      class={side === Side.BUY ? "buy" : "sell"}
      aria-label={`${words}: ${name}, now`}
      onClick={() =>
        void act.run(
          { type: "cmd.market.place-order", doing: words, thing: name },
          () =>
            createMarket(world.client).place({
              book: name,
              side,
              price,
              quantity,
              fill: Fill.IOC,
            }),
          "Ordered: see your orders below.",
        )
      }
    >
      {words}
    </ActButton>
  );
}

/** Of one order. */
const takeMax = 1_000_000n;
