import { keyText } from "@hexhold/hex";
import { gaps, roundTripMs } from "../connection.ts";
import { type FrameLine, frameLines } from "../frame-log.ts";
import { ownHex, type World } from "../world.ts";

/** For who builds on it: what goes over the wire. Open where there is room. */
export function FrameList({ world }: { world: World | undefined }) {
  const trip = roundTripMs.value;
  const isWide = matchMedia("(min-width: 821px)").matches;
  return (
    <details class="card frames" open={isWide}>
      <summary>Behind the scenes</summary>
      <dl class="figures">
        <Figure name="round trip">
          {trip === undefined ? "–" : `${trip < 10 ? trip.toFixed(1) : Math.round(trip)} ms`}
        </Figure>
        <Figure name="gaps" title="noticed and healed / not noticed">
          {`${gaps.value.noticed} / ${gaps.value.unnoticed}`}
        </Figure>
        <Figure name="hex">{world === undefined ? "–" : keyText(world.place.value.home)}</Figure>
        <Figure name="version">{String(ownHex.value?.hexVersion ?? "–")}</Figure>
      </dl>
      <ol aria-label="Frames, the newest first" tabIndex={0}>
        {frameLines.value.map((line) => (
          <Line key={line.nth} line={line} />
        ))}
      </ol>
    </details>
  );
}

function Figure({ name, title, children }: { name: string; title?: string; children: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd title={title}>{children}</dd>
    </div>
  );
}

function Line({ line }: { line: FrameLine }) {
  const { direction, kind, about, bytes, latencyMs, tone, count } = line;
  return (
    <li class={`${direction} ${tone}`}>
      <span class="arrow" role="img" aria-label={direction}>
        {direction === "sent" ? "↑" : "↓"}
      </span>
      <span class="kind">{kind}</span>
      <span class="about">{about}</span>
      <span class="count">{count > 1 && `×${count}`}</span>
      <span class="latency">{latencyMs === undefined ? "" : `${latencyMs.toFixed(1)} ms`}</span>
      <span class="bytes">{bytes} B</span>
    </li>
  );
}
