import { book, bookName, books, wantedBook } from "../../market.ts";
import { amountWords } from "../../words/number-words.ts";
import { coloursByName } from "../../words/resource-words.ts";
import type { World } from "../../world.ts";
import { Choice, SelectField } from "../field.tsx";
import type { Tab } from "../tabs/tab.ts";
import { CandleChart } from "./candle-chart.tsx";
import { Depth } from "./depth.tsx";
import { OrderForm } from "./order-form.tsx";
import { OwnOrders } from "./own-orders.tsx";

/** Books of the world: prices, depth, and the player's orders. */
export const marketTab: Tab = {
  id: "market",
  title: "Market",
  isShown: () => books.value.length > 0,
  Panel: ({ world }) => (
    <>
      <Book world={world} />
      <OrderForm world={world} />
      <OwnOrders world={world} />
    </>
  ),
};

/** So many books are all in sight. */
const choiceMax = 5;

function Book({ world }: { world: World }) {
  const name = bookName.value;
  const seen = book.value;
  const last = seen?.lastPrice ?? 0n;
  return (
    <section class="card" aria-labelledby="book">
      <h2 id="book">
        Market for {name}
        <span class="place" role="status">
          {last > 0n ? (
            <>
              last price <strong class="price">{amountWords(last)}</strong>
            </>
          ) : (
            "never traded"
          )}
        </span>
      </h2>
      {books.value.length > choiceMax ? (
        <SelectField
          id="book-name"
          label="What"
          value={name}
          onValue={(value) => (wantedBook.value = value)}
        >
          {books.value.map((item) => (
            <option key={item}>{item}</option>
          ))}
        </SelectField>
      ) : (
        <Choice
          label="What is traded"
          className="books"
          options={books.value.map((item) => [
            item,
            <>
              <i class="swatch" style={{ "--colour": coloursByName[item] ?? "" }} />
              {item}
            </>,
          ])}
          value={name}
          onValue={(value) => (wantedBook.value = value)}
        />
      )}
      <CandleChart book={name} />
      {seen?.isHalted === true && (
        <p class="lead-line bad">The market for {name} is closed just now.</p>
      )}
      <Depth world={world} />
    </section>
  );
}
