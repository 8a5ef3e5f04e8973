import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { keyText } from "@hexhold/hex";
import { documentLines } from "../../document-lines.ts";
import { ways } from "../../ways.ts";
import { documentCut, documentUnreadable, withoutView } from "../../words/game-words.ts";
import { placeWords } from "../../words/place-words.ts";
import { documentsSeen, type World } from "../../world.ts";

/** What a game that has no view of its own says of the hexes in sight. */
export function DocumentCard({ world }: { world: World }) {
  // Read, so that the card is shown anew.
  void documentsSeen.value;
  const { home, ring } = world.place.value;
  const own = world.hex(home.hexId).document;
  return (
    <section class="card" aria-labelledby="your-hex">
      <h2 id="your-hex">
        Your hex <span class="place">{placeWords(home.hexId)}</span>
      </h2>
      <p class="about-game">{withoutView}</p>
      {own !== undefined && <Document json={own} />}
      <Foldable title="The hexes around yours">
        {() =>
          ring.slice(1).map((key) => {
            const json = world.hex(key.hexId).document;
            return json !== undefined && <Other key={keyText(key)} hexId={key.hexId} json={json} />;
          })
        }
      </Foldable>
    </section>
  );
}

function Other({ hexId, json }: { hexId: bigint; json: string }) {
  const way = ways.value.find((item) => item.hexId === hexId);
  const title = way === undefined ? placeWords(hexId) : `To the ${way.compass}`;
  return <Foldable title={title}>{() => <Document json={json} />}</Foldable>;
}

/** Content that is made while it is open. */
function Foldable({ title, children }: { title: string; children: () => ComponentChildren }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details class="foldable" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>{title}</summary>
      {isOpen && children()}
    </details>
  );
}

function Document({ json }: { json: string }) {
  const text = useMemo(() => documentLines(json), [json]);
  if (text === undefined) return <p class="company">{documentUnreadable}</p>;
  return (
    <>
      <ul class="document">
        {text.lines.map(({ depth, name, value }, nth) => (
          <li key={nth} style={{ "--depth": depth }}>
            <span class="name">{name}</span>
            {value !== undefined && <span class="value"> {value}</span>}
          </li>
        ))}
      </ul>
      {text.isCut && <p class="company">{documentCut}</p>}
    </>
  );
}
