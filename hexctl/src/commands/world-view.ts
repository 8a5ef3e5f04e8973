/** What a running world says of itself, for `hexctl status`: slots, owners, queues and rates. */
import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { openChannel } from "@hexhold/rpc";
import type { Status } from "../status-file.ts";

export interface OwnerView {
  readonly owner: string;
  readonly slots: readonly string[];
  /** Not served at the moment. */
  readonly stalled: readonly string[];
}

export interface QueueView {
  readonly name: string;
  readonly ready: number;
  readonly inHand: number;
}

export interface WorldView {
  readonly owners: readonly OwnerView[];
  /** Queues in which something waits or is in hand. */
  readonly queues: readonly QueueView[];
  /** Counters of all workers: answers to commands by outcome. */
  readonly answers: ReadonlyMap<string, number>;
}

const callTimeoutMs = 2000;
const counterLine =
  /^hexhold_worker_commands_total\{outcome="([^"]+)"\} (\d+(?:\.\d+)?(?:e\+?\d+)?)$/gm;

/** Rejects when the router that leads does not answer. */
export async function readWorldView(status: Status): Promise<WorldView> {
  const channel = openChannel(status.endpoints.admin ?? "", {
    token: status.adminToken ?? "",
    callTimeoutMs,
  });
  try {
    const admin = channel.client(AdminService);
    const [{ partitions }, { queues }, answers] = await Promise.all([
      admin.listPartitions({}),
      admin.listQueues({}),
      readAnswers(status),
    ]);
    const byOwner = Map.groupBy(partitions, ({ owner }) => owner || "nobody");
    return {
      owners: [...byOwner]
        .map(([owner, slots]) => ({
          owner,
          slots: slots.map(({ slot }) => slot),
          stalled: slots.filter(({ health }) => health !== "ok").map(({ slot }) => slot),
        }))
        .toSorted((a, b) => (a.owner < b.owner ? -1 : 1)),
      queues: queues
        .map(({ name, messagesReady, messagesUnacked }) => ({
          name,
          ready: Number(messagesReady),
          inHand: Number(messagesUnacked),
        }))
        .filter(({ ready, inHand }) => ready + inHand > 0),
      answers,
    };
  } finally {
    channel.close();
  }
}

/** A worker that does not answer is left out. */
async function readAnswers(status: Status): Promise<Map<string, number>> {
  const answers = new Map<string, number>();
  const workers = status.processes.filter(({ kind }) => kind === "worker");
  await Promise.all(
    workers.map(async ({ controlUrl }) => {
      if (controlUrl === undefined) return;
      const response = await fetch(`${controlUrl}/metrics`, {
        signal: AbortSignal.timeout(callTimeoutMs),
      }).catch(() => undefined);
      for (const [outcome, count] of countersOf((await response?.text()) ?? "")) {
        answers.set(outcome, (answers.get(outcome) ?? 0) + count);
      }
    }),
  );
  return answers;
}

/** Answers by outcome in a text of Prometheus. */
export function countersOf(text: string): [string, number][] {
  return [...text.matchAll(counterLine)].map(([, outcome = "", count]) => [outcome, Number(count)]);
}

/** Lines for people. `before` and the seconds since give rates. */
export function worldLines(
  view: WorldView,
  before?: { readonly view: WorldView; readonly seconds: number },
): string[] {
  const lines = view.owners.map(({ owner, slots, stalled }) => {
    const health = stalled.length === 0 ? "" : `, not served: ${stalled.join(" ")}`;
    return `  ${owner.padEnd(12)}  ${String(slots.length).padStart(2)} slots  ${slots.join(" ")}${health}`;
  });
  lines.push(
    view.queues.length === 0
      ? "  all queues are empty"
      : `  waiting       ${view.queues.map(({ name, ready, inHand }) => `${name} ${ready}+${inHand}`).join(", ")}`,
  );
  if (before === undefined) {
    const total = [...view.answers.values()].reduce((sum, count) => sum + count, 0);
    lines.push(`  answered      ${total} commands since the workers started`);
    return lines;
  }
  const rates = [...view.answers]
    .map(([outcome, count]) => ({
      outcome,
      // A worker that was restarted counts from 0.
      rate: Math.max(0, count - (before.view.answers.get(outcome) ?? 0)) / before.seconds,
    }))
    .filter(({ rate }) => rate > 0);
  const said = rates.map(({ outcome, rate }) => `${outcome} ${rate.toFixed(rate < 10 ? 1 : 0)}/s`);
  lines.push(`  answers       ${said.length === 0 ? "none" : said.join(", ")}`);
  return lines;
}
