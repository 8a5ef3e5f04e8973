/** What the player has, read again whenever it may have changed: nothing announces a credit. */
import { type Client, createInventory } from "@hexhold/client";
import { signal } from "@preact/signals";

/** Amounts by asset; empty until they are known. */
export const balances = signal<ReadonlyMap<string, bigint>>(new Map());

export interface BalanceReader {
  /** Something was gathered: its credit comes within about half a second. */
  soon(): void;
  stop(): void;
}

const firstMs = 350;
const againMs = 900;
const readsMax = 3;
/** For what changes without this page. */
const everyMs = 15_000;

export function readBalances(
  client: Pick<Client<unknown>, "listen" | "send" | "state">,
): BalanceReader {
  const inventory = createInventory(client);
  let left = 0;
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function read(): Promise<void> {
    if (client.state.mode !== "online") return;
    const outcome = await inventory.balances({}, { timeoutMs: 5_000 });
    // A world may be without an inventory: what is not known is not shown.
    if (outcome.outcome !== "applied" || isStopped) return;
    balances.value = new Map(outcome.result.balances.map(({ asset, amount }) => [asset, amount]));
  }

  function step(): void {
    timer = undefined;
    void read();
    if (--left > 0) timer = setTimeout(step, againMs);
  }

  void read();
  const every = setInterval(() => void read(), everyMs);
  return {
    soon() {
      left = readsMax;
      timer ??= setTimeout(step, firstMs);
    },
    stop() {
      isStopped = true;
      clearInterval(every);
      clearTimeout(timer);
    },
  };
}
