import { createInventory, hexDigits } from "@hexhold/client";
import { useState } from "preact/hooks";
import { balances, items, readOffersSoon } from "../../bag.ts";
import { nameOf } from "../../player-names.ts";
import { coin } from "../../services.ts";
import { amountOf, amountWords } from "../../words/number-words.ts";
import { resourceNames, resourcesIn } from "../../words/resource-words.ts";
import { shownText } from "../../words/shown-text.ts";
import { type DraftLine, lineFault, linesMax } from "../../words/trade-words.ts";
import { nowMs, ownHex, sight, type World } from "../../world.ts";
import { ActButton, ActForm, Said, useAct } from "../act.tsx";
import { AmountField, SelectField } from "../field.tsx";

const first: DraftLine = { what: "", amount: "1" };

/** Offers goods to a player in sight for others. */
export function OfferForm({ world }: { world: World }) {
  const act = useAct();
  const [to, setTo] = useState<Uint8Array>();
  const [give, setGive] = useState<readonly DraftLine[]>([first]);
  const [want, setWant] = useState<readonly DraftLine[]>([first]);
  const partners = partnersOf(world, to);
  const partner = to ?? partners[0];
  if (partner === undefined) {
    return (
      <section class="card" aria-labelledby="offer">
        <h2 id="offer">Offer a trade</h2>
        <p class="empty">Nobody else is in sight to trade with.</p>
      </section>
    );
  }
  const own = ownAssets();
  const free = items.value.filter(({ heldBy }) => heldBy.length === 0);

  const submit = async (): Promise<void> => {
    const [given, wanted] = [drafted(give, true), drafted(want, false)];
    for (const drawn of [given, wanted]) {
      if (typeof drawn !== "string") continue;
      act.fail(drawn);
      return;
    }
    if (typeof given === "string" || typeof wanted === "string") return;
    const offer = { to: partner, give: given, want: wanted };
    const isMade = await act.run(
      { type: "cmd.inventory.offer-trade", doing: "Offering the trade" },
      () => createInventory(world.client).offer(offer),
      `Offered to ${nameOf(partner)}: what you give is held until it is answered.`,
    );
    readOffersSoon();
    if (!isMade) return;
    setGive([first]);
    setWant([first]);
  };
  return (
    <section class="card" aria-labelledby="offer">
      <h2 id="offer">Offer a trade</h2>
      <ActForm submit={submit}>
        <SelectField
          id="offer-to"
          label="To"
          value={hexDigits(partner)}
          onValue={(value) => setTo(partners.find((item) => hexDigits(item) === value))}
        >
          {partners.map((item) => (
            <option key={hexDigits(item)} value={hexDigits(item)}>
              {nameOf(item)}
            </option>
          ))}
        </SelectField>
        <Lines title="You give" id="give" lines={give} onLines={setGive}>
          {own.map(([asset, available]) => (
            <option key={asset} value={asset}>
              {asset} ({amountWords(available)})
            </option>
          ))}
          {free.map(({ itemId, kind }) => (
            <option key={hexDigits(itemId)} value={itemPrefix + hexDigits(itemId)}>
              {shownText(kind)} ({hexDigits(itemId).slice(-6)})
            </option>
          ))}
        </Lines>
        <Lines title="You get" id="want" lines={want} onLines={setWant}>
          {knownAssets().map((asset) => (
            <option key={asset} value={asset}>
              {asset}
            </option>
          ))}
        </Lines>
        <div class="row-actions">
          <ActButton act={act} type="submit" class="primary">
            Offer it
          </ActButton>
        </div>
        <Said act={act} />
      </ActForm>
    </section>
  );
}

const itemPrefix = "item:";

function Lines({
  title,
  id,
  lines,
  onLines,
  children,
}: {
  title: string;
  id: "give" | "want";
  lines: readonly DraftLine[];
  onLines: (lines: readonly DraftLine[]) => void;
  children: preact.ComponentChildren;
}) {
  const set = (nth: number, line: Partial<DraftLine>): void =>
    onLines(lines.with(nth, { ...lines[nth]!, ...line }));
  return (
    <fieldset class="lines">
      <legend>{title}</legend>
      {lines.map(({ what, amount }, nth) => (
        <div class="fields" key={nth}>
          <SelectField
            id={`${id}-${nth}-what`}
            label="What"
            className="broad"
            value={what}
            onValue={(value) => set(nth, { what: value })}
          >
            <option value="">nothing</option>
            {children}
          </SelectField>
          {!what.startsWith(itemPrefix) && (
            <AmountField
              id={`${id}-${nth}-amount`}
              label="How much"
              value={amount}
              onValue={(value) => set(nth, { amount: value })}
            />
          )}
          {lines.length > 1 && (
            <button
              type="button"
              class="small"
              aria-label={`${title}: remove line ${nth + 1}`}
              onClick={() => onLines(lines.toSpliced(nth, 1))}
            >
              ×
            </button>
          )}
        </div>
      ))}
      {lines.length < linesMax && (
        <button
          type="button"
          class="small"
          aria-label={`Add a line: ${title.toLowerCase()}`}
          onClick={() => onLines([...lines, first])}
        >
          Add a line
        </button>
      )}
    </fieldset>
  );
}

/** Lines as they are sent, or what is wrong with one. */
function drafted(lines: readonly DraftLine[], isOwn: boolean) {
  const sent: ({ asset: string; amount: bigint } | { itemId: Uint8Array })[] = [];
  for (const { what, amount } of lines) {
    if (what === "") continue;
    if (what.startsWith(itemPrefix)) {
      const found = items.value.find(({ itemId }) => itemPrefix + hexDigits(itemId) === what);
      if (found === undefined) return "One of these items is not yours any more.";
      sent.push({ itemId: found.itemId });
      continue;
    }
    const count = amountOf(amount);
    const has = isOwn ? (balances.value?.get(what)?.available ?? 0n) : undefined;
    const fault = lineFault(count, has, what);
    if (fault !== undefined || count === undefined) return fault ?? "";
    sent.push({ asset: what, amount: count });
  }
  return sent;
}

function ownAssets(): readonly (readonly [string, bigint])[] {
  return [...(balances.value ?? [])]
    .filter(([, { available }]) => available > 0n)
    .map(([asset, { available }]) => [asset, available]);
}

/** What may be asked for: what the land has, coin, and whatever the player has had. */
function knownAssets(): readonly string[] {
  const land =
    sight.value === "reference"
      ? [coin, ...resourcesIn(ownHex.value?.view).map((item) => resourceNames[item] ?? "")]
      : [];
  return [...new Set([...land, ...(balances.value?.keys() ?? [])])];
}

/** Players that are seen in the hexes around, nearest first, and who was chosen before, by id. */
function partnersOf(world: World, chosen: Uint8Array | undefined): readonly Uint8Array[] {
  // Read, so that who comes and goes is seen.
  void nowMs.value;
  const seen = world.place.value.ring.flatMap(
    ({ hexId }) => world.hex(hexId).view?.players.map(({ playerId }) => playerId) ?? [],
  );
  const byId = new Map(
    [...seen, ...(chosen === undefined ? [] : [chosen])].map((id) => [hexDigits(id), id]),
  );
  byId.delete(world.self);
  return [...byId.values()];
}
