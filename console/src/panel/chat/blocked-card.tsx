import { hexDigits } from "@hexhold/client";
import { blockList, chat, readBlocks } from "../../chat.ts";
import { nameOf } from "../../player-names.ts";
import { shownText } from "../../words/shown-text.ts";
import { ActButton, Said, useAct } from "../act.tsx";

/** Whom the player does not hear, and whether it takes whispers. */
export function BlockedCard() {
  const act = useAct();
  const service = chat.value;
  const { blocked, whispersOff } = blockList.value;
  if (service === undefined) return null;
  return (
    <section class="card" aria-labelledby="blocked">
      <h2 id="blocked">Whom you do not hear</h2>
      {blocked.length === 0 && <p class="empty">You have blocked nobody.</p>}
      <ul class="rows">
        {blocked.map(({ accountId, name }) => {
          const shown = name === "" ? nameOf(accountId) : shownText(name);
          return (
            <li key={hexDigits(accountId)}>
              <span class="what">
                <bdi>{shown}</bdi>
              </span>
              <ActButton
                act={act}
                aria-label={`Unblock ${shown}`}
                onClick={() =>
                  void act
                    .run(
                      { type: "cmd.chat.block", doing: "Unblocking" },
                      () => service.block(accountId, true),
                      `You hear ${shown} again.`,
                    )
                    .then(readBlocks)
                }
              >
                Unblock
              </ActButton>
            </li>
          );
        })}
      </ul>
      <div class="row-actions">
        <ActButton
          act={act}
          onClick={() =>
            void act
              .run(
                { type: "cmd.chat.set-whispers", doing: "Changing that" },
                () => service.setWhispers(whispersOff),
                whispersOff ? "You take whispers again." : "You take no whispers any more.",
              )
              .then(readBlocks)
          }
        >
          {whispersOff ? "Take whispers again" : "Take no whispers"}
        </ActButton>
      </div>
      <Said act={act} />
    </section>
  );
}
