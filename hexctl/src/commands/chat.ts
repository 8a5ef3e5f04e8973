import type { ReportedMessage } from "@hexhold/gen/hexhold/chat/v1/moderation_pb";
import { uuidText } from "@hexhold/messaging";
import { Command, InvalidArgumentError } from "commander";
import { accountIdOf } from "../look/account-id.ts";
import type { CommandContext } from "./command-context.ts";
import { wholeNumber } from "./whole-number.ts";
import { withHost } from "./with-host.ts";
import { withStores } from "./with-stores.ts";

/** `hexctl chat`: what moderators do in the world that runs here. */
export function chatCommand(context: CommandContext): Command {
  const chat = new Command("chat").description(
    "Moderate what players say: read reports, mute accounts, take messages away.",
  );
  chat
    .command("reports")
    .description("Show what was reported, the newest first, at most 50.")
    .option("--all", "those as well whose message was removed, or whose author was muted", false)
    .option("--json", "as JSON", false)
    .action((options: ReportsOptions) => reports(context, options))
    .exitOverride();
  chat
    .command("mute")
    .description("Let an account say nothing for a while; ends its open reports.")
    .argument("<account>", "name, or id")
    .requiredOption("--for <time>", "as 30m, 12h or 7d", durationMs)
    .requiredOption("--reason <text>", "shown to the player")
    .action((account: string, options: { readonly for: number; readonly reason: string }) =>
      mute(context, account, options.for, options.reason),
    )
    .exitOverride();
  chat
    .command("unmute")
    .description("Let an account talk again, whoever has muted it.")
    .argument("<account>", "name, or id")
    .option("--reason <text>", "for the log", "unmuted")
    .action((account: string, { reason }: { readonly reason: string }) =>
      mute(context, account, 0, reason),
    )
    .exitOverride();
  chat
    .command("remove")
    .description("Take a message away; its number stays, and its text for support, for 30 days.")
    .argument("<channel>", "world, hex/<key> or whisper/<account>/<account>, as in the report")
    .argument("<seq>", "its number", wholeNumber())
    .requiredOption("--reason <text>", "kept with the text")
    .action((channel: string, seq: number, { reason }: { readonly reason: string }) =>
      remove(context, { channel, seq, reason }),
    )
    .exitOverride();
  return chat;
}

interface ReportsOptions {
  readonly all: boolean;
  readonly json: boolean;
}

async function reports(context: CommandContext, { all, json }: ReportsOptions): Promise<void> {
  await withHost(context, async (host) => {
    const listed = await host.listReports({ all, limit: 0, before: "" });
    const views = listed.reports.map(viewOf);
    if (json) {
      console.log(JSON.stringify(views, undefined, 2));
      return;
    }
    if (views.length === 0) console.log(all ? "there are no reports" : "there are no open reports");
    for (const line of views.flatMap(linesOf)) console.log(line);
    if (listed.nextBefore !== "") console.log("there are older ones");
  });
}

async function remove(
  context: CommandContext,
  message: { readonly channel: string; readonly seq: number; readonly reason: string },
): Promise<void> {
  const { channel, seq, reason } = message;
  await withHost(context, async (host) => {
    await host.removeMessage({ channel, seq: BigInt(seq), reason });
    console.log(`${channel} ${seq} is removed`);
  });
}

async function mute(
  context: CommandContext,
  who: string,
  forMs: number,
  reason: string,
): Promise<void> {
  let accountId = "";
  await withStores(context, {}, async (client) => {
    accountId = await accountIdOf(client, who);
  });
  await withHost(context, async (host) => {
    const { untilMs } = await host.muteAccount({ accountId, forMs: BigInt(forMs), reason });
    console.log(
      untilMs === 0n
        ? `${accountId} may talk again`
        : `${accountId} is muted until ${new Date(Number(untilMs)).toISOString()}`,
    );
  });
}

function viewOf(report: ReportedMessage) {
  const time = (ms: bigint) => (ms === 0n ? null : new Date(Number(ms)).toISOString());
  return {
    report: report.reportId,
    channel: report.channel,
    seq: Number(report.seq),
    account: uuidText(report.accountId),
    name: report.name,
    text: report.text,
    saidAt: time(report.saidMs),
    removed: report.removed,
    reporter: uuidText(report.reporterId),
    reporterName: report.reporterName,
    reason: report.reason,
    reportedAt: time(report.atMs),
    endedAt: time(report.endedMs),
    mutedUntil: time(report.mutedUntilMs),
  };
}

/** Texts of players are shown as JSON strings: nothing in them steers a terminal. */
function linesOf(view: ReturnType<typeof viewOf>): string[] {
  const { channel, seq, name, account, text, removed, reason, reporter, reporterName } = view;
  const ended = view.endedAt === null ? "" : `  ended ${view.endedAt}`;
  return [
    `${channel} ${seq}  ${name === "" ? account : `${name} (${account})`}${removed ? "  removed" : ""}${ended}`,
    `  said      ${text === "" ? "(not kept any more)" : JSON.stringify(text)}`,
    `  reported  ${view.reportedAt} by ${reporterName === "" ? reporter : reporterName}: ${JSON.stringify(reason)}`,
  ];
}

const units = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const daysMax = 36_500;

function durationMs(text: string): number {
  const [, count = "", unit = ""] = /^([1-9][0-9]{0,5})([mhd])$/.exec(text) ?? [];
  const ms = Number(count) * (units[unit as keyof typeof units] ?? Number.NaN);
  if (!(ms <= daysMax * units.d)) {
    throw new InvalidArgumentError(
      `"${text}" is no time: give minutes, hours or days, as 30m, 12h or 7d`,
    );
  }
  return ms;
}
