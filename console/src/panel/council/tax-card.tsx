import { compareBytes } from "@hexhold/client";
import { ownerAt } from "@hexhold/reference-client";
import { useState } from "preact/hooks";
import { taxWords } from "../../words/land-words.ts";
import { rateOf, rateWords } from "../../words/number-words.ts";
import { mayAct, nowMs, ownHex, type World } from "../../world.ts";
import { ActButton, ActForm, Said, useAct } from "../act.tsx";
import { TextField } from "../field.tsx";

/** What the owner takes, for the owner to set; nothing for others, and in games without taxes. */
export function TaxCard({ world }: { world: World }) {
  const act = useAct();
  const [rate, setRate] = useState("");
  const view = ownHex.value?.view;
  const owner = view === undefined ? undefined : ownerAt(view, nowMs.value);
  if (view === undefined || owner === undefined) return null;
  if (compareBytes(owner, world.playerId) !== 0) return null;

  const submit = async (): Promise<void> => {
    if (!mayAct.value) return;
    const perMille = rateOf(rate);
    if (perMille === undefined) {
      act.fail("A tax is a number of percent from 0 to 100, such as 7.5.");
      return;
    }
    await act.run(
      { type: "cmd.hex.set-tax", doing: "Setting the tax" },
      () => world.figure.setTax(perMille),
      `The tax will be ${rateWords(perMille)}: everybody can see it before it begins.`,
    );
  };
  return (
    <section class="card" aria-labelledby="tax">
      <h2 id="tax">
        Your tax <span class="place">{taxWords(view, nowMs.value)}</span>
      </h2>
      <ActForm submit={submit}>
        <div class="fields">
          <TextField
            id="tax-rate"
            label="Percent of what others gather"
            inputMode="decimal"
            charactersMax={8}
            value={rate}
            onValue={setRate}
            describedBy="tax-said"
          />
          <ActButton act={act} type="submit" isOff={!mayAct.value}>
            Set the tax
          </ActButton>
        </div>
        <Said act={act} id="tax-said" />
      </ActForm>
    </section>
  );
}
