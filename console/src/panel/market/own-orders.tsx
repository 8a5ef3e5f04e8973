import { createMarket, hexDigits } from "@hexhold/client";
import { type Order, OrderState, Side } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { orders } from "../../market.ts";
import { isEnded, orderStateWords, orderWords } from "../../words/market-words.ts";
import type { World } from "../../world.ts";
import { type Act, ActButton, Said, useAct } from "../act.tsx";

/** Ended ones that are still listed. */
const endedShown = 6;

/** The player's orders in all books: those under way first, then what became of the last ones. */
export function OwnOrders({ world }: { world: World }) {
  const act = useAct();
  const known = orders.value ?? [];
  const ended = known.filter(isEnded).slice(0, endedShown);
  const shown = [...known.filter((order) => !isEnded(order)), ...ended];
  return (
    <section class="card" aria-labelledby="own-orders">
      <h2 id="own-orders">Your orders</h2>
      {shown.length === 0 && <p class="empty">You have none.</p>}
      <ul class="orders rows">
        {shown.map((order) => (
          <Row key={hexDigits(order.orderId)} order={order} world={world} act={act} />
        ))}
      </ul>
      <Said act={act} />
    </section>
  );
}

function Row({ order, world, act }: { order: Order; world: World; act: Act }) {
  const words = orderWords(order);
  const isOver = isEnded(order);
  const share = Number((order.filled * 100n) / order.quantity);
  return (
    <li class={`${order.side === Side.BUY ? "buying" : "selling"} ${isOver ? "over" : ""}`}>
      <span class="what">{words}</span>
      <span class={`state ${order.state === OrderState.REJECTED ? "bad" : ""}`}>
        {orderStateWords(order)}
      </span>
      {!isOver && (
        <>
          <span class="bar" aria-hidden="true">
            <i style={{ width: `${share}%` }} />
          </span>
          <ActButton
            act={act}
            aria-label={`Cancel: ${words}`}
            isOff={order.wantEnd}
            onClick={() =>
              void act.run(
                { type: "cmd.market.cancel-order", doing: "Cancelling the order" },
                () => createMarket(world.client).cancel(order.book, order.orderId),
                "Cancelled: what is left of it comes back to you.",
              )
            }
          >
            Cancel
          </ActButton>
        </>
      )}
    </li>
  );
}
