import { council } from "../../council.ts";
import { hasLand, type World } from "../../world.ts";
import type { Tab } from "../tabs/tab.ts";
import { ElectionCard } from "./election-card.tsx";
import { HistoryCard } from "./history-card.tsx";
import { StandingCard } from "./standing-card.tsx";
import { TaxCard } from "./tax-card.tsx";

/**
 * Who owns the hex, and who shall. Governance is there in every world: where a game has no owners, nobody has a
 * reputation, and there is nothing to show.
 */
export const councilTab: Tab = {
  id: "council",
  title: "Council",
  isShown() {
    const seen = council.value;
    if (hasLand.value) return true;
    if (seen === undefined) return false;
    return seen.worldPoints > 0n || seen.ownership !== undefined || seen.election !== undefined;
  },
  Panel,
};

function Panel({ world }: { world: World }) {
  const seen = council.value;
  if (seen === undefined) {
    return (
      <section class="card">
        <p class="empty" role="status">
          Asking who owns this hex…
        </p>
      </section>
    );
  }
  return (
    <>
      <StandingCard seen={seen} world={world} />
      <TaxCard world={world} />
      <ElectionCard seen={seen} world={world} />
      <HistoryCard seen={seen} />
    </>
  );
}
