import { hexDigits } from "@hexhold/client";
import { balances, items } from "../../bag.ts";
import { coin } from "../../services.ts";
import { amountWords } from "../../words/number-words.ts";
import { coloursByName, resourceNames, resources } from "../../words/resource-words.ts";
import { shownText } from "../../words/shown-text.ts";
import { itemWords } from "../../words/trade-words.ts";

/** Assets in the order of the land, coin first, the rest by name. */
const order = [coin, ...resources.map((item) => resourceNames[item] ?? "")];

/** Amounts, free and in escrow, and unique items. */
export function GoodsCard() {
  const all = [...(balances.value ?? [])]
    .filter(([, { available, held }]) => available > 0n || held > 0n)
    .toSorted(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return (
    <section class="card" aria-labelledby="goods">
      <h2 id="goods">What you have</h2>
      {all.length === 0 && <p class="empty">Nothing yet.</p>}
      {all.length > 0 && (
        <table class="goods">
          <thead>
            <tr>
              <th scope="col">goods</th>
              <th scope="col">available</th>
              <th scope="col">held for orders and offers</th>
            </tr>
          </thead>
          <tbody>
            {all.map(([asset, { available, held }]) => (
              <tr key={asset}>
                <th scope="row">
                  <i class="swatch" style={{ "--colour": coloursByName[asset] ?? "" }} />
                  <bdi>{asset}</bdi>
                </th>
                <td>{amountWords(available)}</td>
                <td class={held === 0n ? "none" : ""}>{held === 0n ? "–" : amountWords(held)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {items.value.length > 0 && (
        <>
          <h3>Items, each the only one of its kind</h3>
          <ul class="items rows">
            {items.value.map((item) => (
              <li key={hexDigits(item.itemId)}>
                <span class="what">
                  <bdi>{shownText(item.kind)}</bdi>
                  <small class="tag">{hexDigits(item.itemId).slice(-6)}</small>
                  {item.heldBy.length > 0 && <small class="tag">in an offer</small>}
                </span>
                <span class="state">
                  <bdi>{itemWords(item)}</bdi>
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function rank(asset: string): number {
  const at = order.indexOf(asset);
  return at < 0 ? order.length : at;
}
