import { type FrameLine, frameLines } from "../frame-log.ts";

export function FrameList() {
  return (
    <section class="card frames" aria-label="Frames">
      <h2>Frames</h2>
      <ol>
        {frameLines.value.map((line) => (
          <Line key={line.nth} line={line} />
        ))}
      </ol>
    </section>
  );
}

function Line({ line }: { line: FrameLine }) {
  const { direction, kind, about, bytes, latencyMs, tone, count } = line;
  return (
    <li class={`${direction} ${tone}`}>
      <span class="arrow" aria-label={direction}>
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
