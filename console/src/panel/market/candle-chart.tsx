import { candles, span } from "../../market.ts";
import { candleMarks, type ChartScale } from "../../candle-marks.ts";
import { chartWords, spans } from "../../words/market-words.ts";
import { amountWords } from "../../words/number-words.ts";
import { Choice } from "../field.tsx";

/** In units of the picture, which fills the width that it is given. */
const scale: ChartScale = { width: 340, height: 104, candlesMax: 32 };

/** Prices over time, the newest on the right. */
export function CandleChart({ book }: { book: string }) {
  const seen = candles.value;
  const { marks, low, high } = candleMarks(seen, scale);
  return (
    <figure class="chart">
      <figcaption>
        <span class="range">
          {marks.length > 0 && `${amountWords(low)} – ${amountWords(high)} coin`}
        </span>
        <Choice
          label="Time of one candle"
          className="small"
          options={spans}
          value={span.value}
          onValue={(value) => (span.value = value)}
        />
      </figcaption>
      {marks.length === 0 ? (
        <p class="empty">{chartWords(book, [])}</p>
      ) : (
        <svg
          viewBox={`0 0 ${scale.width} ${scale.height}`}
          role="img"
          aria-label={chartWords(book, seen.slice(0, scale.candlesMax))}
        >
          {[0.25, 0.5, 0.75].map((part) => (
            <line
              key={part}
              class="grid"
              x1="0"
              x2={scale.width}
              y1={part * scale.height}
              y2={part * scale.height}
            />
          ))}
          {marks.map(({ atMs, isUp, x, width, top, bottom, bodyTop, bodyHeight }) => (
            <g key={atMs} class={isUp ? "up" : "down"}>
              <line x1={x + width / 2} x2={x + width / 2} y1={top} y2={bottom} />
              <rect x={x} y={bodyTop} width={width} height={bodyHeight} rx="1" />
            </g>
          ))}
        </svg>
      )}
    </figure>
  );
}
