import { useRef } from "preact/hooks";
import type { World } from "../../world.ts";
import { chosenTab } from "./chosen-tab.ts";
import type { Tab } from "./tab.ts";
import { tabs } from "./tab-list.ts";

/**
 * What the player looks at and the way to the rest: one stop of the Tab key, arrow keys from one to the next, as
 * the pattern of ARIA has it. A world with one tab has no list.
 */
export function Tabs({ world }: { world: World }) {
  const list = useRef<HTMLDivElement>(null);
  const shown = tabs.filter(({ isShown }) => isShown());
  const chosen = shown.find(({ id }) => id === chosenTab.value) ?? tabs[0]!;
  const choose = (tab: Tab | undefined): void => {
    if (tab === undefined) return;
    chosenTab.value = tab.id;
    list.current?.querySelector<HTMLElement>(`#tab-${tab.id}`)?.focus();
  };
  const onKey = (event: KeyboardEvent): void => {
    const to = steps[event.key]?.(shown.indexOf(chosen), shown.length);
    if (to === undefined) return;
    event.preventDefault();
    choose(shown[to]);
  };
  const Panel = chosen.Panel;
  if (shown.length < 2) return <Panel world={world} />;
  return (
    <>
      <div
        ref={list}
        class="tabs"
        role="tablist"
        aria-label="What you look at"
        style={{ "--count": shown.length }}
        onKeyDown={onKey}
      >
        {shown.map((tab) => (
          <TabButton key={tab.id} tab={tab} isChosen={tab === chosen} choose={choose} />
        ))}
      </div>
      <div
        key={chosen.id}
        class="panel"
        id={`panel-${chosen.id}`}
        role="tabpanel"
        aria-labelledby={`tab-${chosen.id}`}
      >
        <Panel world={world} />
      </div>
    </>
  );
}

function TabButton({
  tab,
  isChosen,
  choose,
}: {
  tab: Tab;
  isChosen: boolean;
  choose: (tab: Tab) => void;
}) {
  const waiting = tab.waiting?.();
  return (
    <button
      type="button"
      role="tab"
      id={`tab-${tab.id}`}
      aria-selected={isChosen}
      aria-controls={isChosen ? `panel-${tab.id}` : undefined}
      tabIndex={isChosen ? 0 : -1}
      onClick={() => choose(tab)}
    >
      {tab.title}
      {waiting !== undefined && waiting.count > 0 && (
        <span class="badge">
          <span aria-hidden="true">{waiting.count}</span>
          <span class="sr">, {waiting.words}</span>
        </span>
      )}
    </button>
  );
}

/** Where a key leads from the tab that is chosen. */
const steps: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowRight: (at, count) => (at + 1) % count,
  ArrowLeft: (at, count) => (at + count - 1) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};
