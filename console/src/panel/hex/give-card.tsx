import { compareBytes } from "@hexhold/client";
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import type { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { useState } from "preact/hooks";
import { giveFault } from "../../words/land-words.ts";
import { siteKindNames } from "../../words/land-words.ts";
import { amountOf, amountWords } from "../../words/number-words.ts";
import { resourceNames, resourcesIn } from "../../words/resource-words.ts";
import { mayAct, ownBalance, ownHex, type World } from "../../world.ts";
import { ActButton, ActForm, Said, useAct } from "../act.tsx";
import { AmountField, SelectField } from "../field.tsx";

/** Gives goods to the hex, or to what is built in it. */
export function GiveCard({ world }: { world: World }) {
  const view = ownHex.value?.view;
  const act = useAct();
  const [chosen, setChosen] = useState<Resource>();
  const [amount, setAmount] = useState("10");
  const [isForHex, setForHex] = useState(false);
  if (view === undefined) return null;
  const { site } = view;
  const openSite = site !== undefined && site.startedMs === 0n ? site : undefined;
  const resources = resourcesIn(view);
  const resource = chosen ?? openSite?.needs[0]?.resource ?? resources[0]!;
  const name = resourceNames[resource] ?? "goods";
  const siteName = siteKindNames[openSite?.kind ?? 0] ?? "building";

  const submit = async (): Promise<void> => {
    if (!mayAct.value) return;
    const given = amountOf(amount);
    const fault = giveFault(given, ownBalance(resource), name);
    if (fault !== undefined || given === undefined) {
      act.fail(fault ?? "");
      return;
    }
    const siteId = isForHex ? undefined : openSite?.siteId;
    await act.run(
      { type: "cmd.hex.contribute", doing: `Giving ${name}`, thing: name },
      () => world.figure.contribute(resource, given, siteId),
      `${amountWords(given)} ${name} on the way to the ${siteId === undefined ? "hex" : siteName}.`,
    );
  };
  return (
    <section class="card" aria-labelledby="give">
      <h2 id="give">
        Give to your hex <span class="place">for reputation and coin</span>
      </h2>
      <ActForm submit={submit}>
        <div class="fields">
          <SelectField
            id="give-what"
            label="What"
            className="broad"
            value={String(resource)}
            onValue={(value) => setChosen(Number(value) as Resource)}
          >
            {resources.map((item) => (
              <option key={item} value={String(item)}>
                {resourceNames[item]} ({amountWords(ownBalance(item) ?? 0n)})
              </option>
            ))}
          </SelectField>
          <AmountField
            id="give-amount"
            label="How much"
            value={amount}
            onValue={setAmount}
            describedBy="give-said"
          />
          {openSite !== undefined && (
            <SelectField
              id="give-to"
              label="To"
              className="broad"
              value={isForHex ? "hex" : "site"}
              onValue={(value) => setForHex(value === "hex")}
            >
              <option value="site">the {siteName}</option>
              <option value="hex">the hex</option>
            </SelectField>
          )}
          <ActButton act={act} type="submit" isOff={!mayAct.value}>
            Give
          </ActButton>
        </div>
        <Said act={act} id="give-said" />
      </ActForm>
      <Pending view={view} world={world} />
    </section>
  );
}

/** What the inventory has not answered yet. */
function Pending({ view, world }: { view: HexView; world: World }) {
  const own = view.pending.filter(({ accountId }) => compareBytes(accountId, world.playerId) === 0);
  if (own.length === 0) return null;
  return (
    <p class="company" role="status">
      On the way: {own.map(({ amount, asset }) => `${amountWords(amount)} ${asset}`).join(", ")}
    </p>
  );
}
