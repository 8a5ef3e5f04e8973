import { createMarket } from "@hexhold/client";
import { Fill, Side } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { useState } from "preact/hooks";
import { balances } from "../../bag.ts";
import { book, bookName } from "../../market.ts";
import { coin } from "../../services.ts";
import { orderFault, type OrderField, sideWords } from "../../words/market-words.ts";
import { amountOf, amountWords } from "../../words/number-words.ts";
import type { World } from "../../world.ts";
import { ActButton, ActForm, Said, useAct } from "../act.tsx";
import { AmountField, Choice } from "../field.tsx";

/** Places an order in the book that is looked at. */
export function OrderForm({ world }: { world: World }) {
  const act = useAct();
  const [side, setSide] = useState<Side>(Side.BUY);
  const [price, setPrice] = useState("");
  const [quantity, setQuantity] = useState("10");
  const [isNow, setNow] = useState(false);
  const [wrong, setWrong] = useState<OrderField>();
  const name = bookName.value;
  const [priceGiven, quantityGiven] = [amountOf(price), amountOf(quantity)];

  const submit = async (): Promise<void> => {
    const fault = orderFault(priceGiven, quantityGiven);
    setWrong(fault?.field);
    if (fault !== undefined) {
      act.fail(fault.words);
      document.querySelector<HTMLElement>(`#order-${fault.field}`)?.focus();
      return;
    }
    const order = {
      book: name,
      side,
      price: priceGiven!,
      quantity: quantityGiven!,
      fill: isNow ? Fill.IOC : Fill.GTC,
    };
    await act.run(
      { type: "cmd.market.place-order", doing: "Placing the order", thing: name },
      () => createMarket(world.client).place(order),
      "Ordered: see your orders below.",
    );
  };
  return (
    <section class="card" aria-labelledby="order">
      <h2 id="order">Place an order</h2>
      <ActForm submit={submit}>
        <Choice
          label="Buy or sell"
          className="sides"
          options={[
            [Side.BUY, `Buy ${name}`],
            [Side.SELL, `Sell ${name}`],
          ]}
          value={side}
          onValue={setSide}
        />
        <div class="fields">
          <AmountField
            id="order-quantity"
            label="How many"
            value={quantity}
            onValue={setQuantity}
            describedBy="order-total order-said"
            isInvalid={wrong === "quantity"}
          />
          <AmountField
            id="order-price"
            label="Coin for one"
            value={price}
            onValue={setPrice}
            describedBy="order-total order-said"
            isInvalid={wrong === "price"}
          />
          <ActButton act={act} type="submit" class="primary">
            {sideWords(side)}
          </ActButton>
        </div>
        <label class="check">
          <input
            type="checkbox"
            checked={isNow}
            onChange={(event) => setNow(event.currentTarget.checked)}
          />
          Only what is there now: do not wait for more
        </label>
        <p class="rule" id="order-total">
          {totalWords(side, priceGiven, quantityGiven)}
        </p>
        <Said act={act} id="order-said" />
      </ActForm>
    </section>
  );

  function totalWords(side: Side, one: bigint | undefined, count: bigint | undefined): string {
    const asset = side === Side.BUY ? coin : name;
    const has = balances.value?.get(asset)?.available;
    const have = has === undefined ? "" : ` You have ${amountWords(has)} ${asset}.`;
    if (orderFault(one, count) !== undefined) {
      return `${book.value?.isHalted === true ? "The market is closed. " : ""}A small fee in coin is due when it is placed.${have}`;
    }
    const total = `${amountWords(one! * count!)} coin`;
    return `${side === Side.BUY ? `At most ${total}` : `At least ${total}, less a tax`}, and a small fee.${have}`;
  }
}
