import { compareBytes, createInventory, hexDigits } from "@hexhold/client";
import { type Offer, OfferState } from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { items, offers, readOffersSoon } from "../../bag.ts";
import { nameOf } from "../../player-names.ts";
import { termsHashOf } from "../../terms-hash.ts";
import { clockWords } from "../../words/time-words.ts";
import { goodsWords, offerStateWords } from "../../words/trade-words.ts";
import { nowMs, type World } from "../../world.ts";
import { type Act, ActButton, Said, useAct } from "../act.tsx";

/** Ended ones that are still listed. */
const endedShown = 4;

/** Offers to the player and of the player: open ones, and what became of the last few. */
export function OffersCard({ world }: { world: World }) {
  const act = useAct();
  const isOpen = ({ state }: Offer): boolean => state === OfferState.OPEN;
  const ended = offers.value.filter((offer) => !isOpen(offer)).slice(0, endedShown);
  const shown = [...offers.value.filter(isOpen), ...ended];
  return (
    <section class="card" aria-labelledby="offers">
      <h2 id="offers">Offers</h2>
      {shown.length === 0 && <p class="empty">None to you, and none of yours.</p>}
      <ul class="offers rows">
        {shown.map((offer) => (
          <Row key={hexDigits(offer.terms!.offerId)} offer={offer} world={world} act={act} />
        ))}
      </ul>
      <Said act={act} />
    </section>
  );
}

function Row({ offer, world, act }: { offer: Offer; world: World; act: Act }) {
  const { from, to, give, want, offerId } = offer.terms!;
  const isMine = compareBytes(from, world.playerId) === 0;
  const partner = nameOf(isMine ? to : from);
  const isOpen = offer.state === OfferState.OPEN;
  const inventory = createInventory(world.client);
  const end = (doing: string, done: string): void =>
    void act
      .run({ type: "cmd.inventory.end-trade", doing }, () => inventory.end(offerId), done)
      .then(readOffersSoon);
  const accept = (): void =>
    void act
      .run(
        { type: "cmd.inventory.accept-trade", doing: "Accepting the offer" },
        async () => inventory.accept({ offerId, termsHash: await termsHashOf(offer) }),
        "Traded: the goods are yours.",
      )
      .then(readOffersSoon);
  return (
    <li class={`${isMine ? "mine" : "theirs"} ${isOpen ? "" : "over"}`}>
      <span class="what">
        {isMine ? "You offer " : ""}
        <bdi>{partner}</bdi>
        {isMine ? "" : " offers you"}
        <small class="tag">
          {isOpen
            ? `${clockWords(Number(offer.expiresMs) - nowMs.value)} left`
            : offerStateWords(offer.state)}
        </small>
      </span>
      <dl class="terms">
        <dt>{isMine ? "you give" : "you get"}</dt>
        <dd>{goodsWords(give, items.value)}</dd>
        <dt>{isMine ? "you get" : "you give"}</dt>
        <dd>{goodsWords(want, items.value)}</dd>
      </dl>
      {isOpen && (
        <div class="row-actions">
          {isMine ? (
            <ActButton
              act={act}
              aria-label={`Withdraw the offer to ${partner}`}
              onClick={() =>
                end("Withdrawing the offer", "Withdrawn: what it held is yours again.")
              }
            >
              Withdraw
            </ActButton>
          ) : (
            <>
              <ActButton
                act={act}
                class="primary"
                aria-label={`Accept the offer of ${partner}`}
                onClick={accept}
              >
                Accept
              </ActButton>
              <ActButton
                act={act}
                aria-label={`Decline the offer of ${partner}`}
                onClick={() => end("Declining the offer", "Declined.")}
              >
                Decline
              </ActButton>
            </>
          )}
        </div>
      )}
    </li>
  );
}
