/** Where a player is, and why: its account, the states that name it, the rows that say so, its sessions. */
import { ProcessService } from "@hexhold/gen/hexhold/control/v1/process_pb";
import { keyText } from "@hexhold/hex";
import { createMessageRegistry, uuidBytes, uuidText } from "@hexhold/messaging";
import type { PgClient } from "@hexhold/postgres";
import { openChannel } from "@hexhold/rpc";
import type { Status } from "../status-file.ts";
import { readLife, verifyHex } from "../verify/verify-world.ts";
import { idPattern } from "../world-host/account-admin.ts";
import type { WorldStores } from "../world-stores.ts";
import { type Belongings, belongingsLines, readBelongings } from "./belongings.ts";
import { type JournalRow, journalLine, rowsNaming } from "./journal-rows.ts";
import { type NamedPlace, placesOf } from "./readable-message.ts";

/** A hex whose journal names the player. */
export interface PlayerHex {
  readonly key: string;
  readonly hexVersion: number;
  /** Rows of its journal that name the player. */
  readonly rows: number;
  readonly lastDecidedAt: string;
  /** Where its state names the player now; empty = it has gone. */
  readonly places: readonly NamedPlace[];
}

export interface PlayerReport {
  readonly playerId: string;
  /** Null = a development player of the host, or nobody. */
  readonly account: AccountView | null;
  /** In words: where the player lives, or between what it is on its way. */
  readonly where: string;
  /** Those whose journals name it, the last one first; at most {@link foldedHexesMax}. */
  readonly hexes: readonly PlayerHex[];
  /** Null = no world runs here. A gateway that does not answer is left out. */
  readonly sessions: readonly SessionView[] | null;
  readonly belongings: Belongings;
  /** The newest first. */
  readonly journal: readonly JournalRow[];
}

export interface AccountView {
  readonly name: string;
  readonly createdAt: string;
  /** Null = not banned; `infinity` = for ever. */
  readonly bannedUntil: string | null;
  /** Hex that the account service names in tokens; null = not in the world yet. */
  readonly residence: string | null;
  readonly openLogins: number;
  /** It is still to be brought into the world. */
  readonly owedTo: string | null;
}

export interface SessionView {
  readonly gateway: string;
  readonly sessionId: string;
  readonly begunAt: string;
  readonly sdk: string;
  readonly subscriptions: readonly string[];
  readonly commandsInFlight: number;
  readonly bufferedBytes: number;
}

/** The world that runs here, and what opens its processes' control ports. */
export interface RunningWorld {
  readonly status: Status;
  readonly controlToken: string;
}

/** States that are folded to look for the player; older ones are long left. */
const foldedHexesMax = 20;
const callTimeoutMs = 2000;

/** Reads it. `who` is an id or an account's name. Undefined: there is no such account, and no row names the id. */
export async function readPlayerReport(
  client: PgClient,
  stores: WorldStores,
  running: RunningWorld | undefined,
  who: string,
  rowCount: number,
): Promise<PlayerReport | undefined> {
  const account = await readAccount(client, who);
  const playerId = account?.id ?? (idPattern.test(who) ? who.toLowerCase() : undefined);
  if (playerId === undefined) return undefined;
  const { game } = stores;
  const registry = createMessageRegistry(game.descriptors);
  const id = uuidBytes(playerId);
  const named = await rowsNaming(client, id, rowCount, registry);
  if (account === undefined && named.hexes.length === 0) return undefined;
  const hexes: PlayerHex[] = [];
  for (const { key, rows, lastDecidedAt } of named.hexes.slice(0, foldedHexesMax)) {
    const rules = { game, registry, life: await readLife(client), exact: false };
    const verdict = await verifyHex(client, stores.snapshots, rules, key);
    const places =
      verdict?.parts === undefined
        ? []
        : placesOf(game.hex.durableSchema, verdict.parts.durable, id);
    const hexVersion = verdict?.events ?? 0;
    hexes.push({ key: keyText(key), hexVersion, rows, lastDecidedAt, places });
  }
  return {
    playerId,
    account: account?.view ?? null,
    where: whereIs(hexes, account?.view),
    hexes,
    sessions: running === undefined ? null : await readSessions(running, id),
    belongings: await readBelongings(client, playerId),
    journal: named.rows,
  };
}

/**
 * What the states say, in words. A list called `residents` names who lives in a hex; a field with `transit` in
 * its name, who is between two.
 */
export function whereIs(
  hexes: readonly Pick<PlayerHex, "key" | "places">[],
  account: Pick<AccountView, "owedTo"> | undefined,
): string {
  const said = (matches: (place: NamedPlace) => boolean): string[] =>
    hexes.flatMap(({ key, places }) =>
      places.filter(matches).map(({ around }) => `${key} ${JSON.stringify(around)}`),
    );
  const lives = said(({ field }) => field === "residents");
  const transits = said(({ field }) => field.includes("transit"));
  const parts = [
    ...(lives.length > 1 ? ["FAULT: it lives in more than one hex"] : []),
    ...lives.map((where) => `lives in ${where}`),
    ...transits.map((where) => `in transit, says ${where}`),
  ];
  if (parts.length > 0) return parts.join("; ");
  const owedTo = account?.owedTo ?? null;
  if (owedTo !== null) return `to be brought into the world in ${owedTo}`;
  return "in no hex";
}

/** Lines for people. */
export function playerLines(report: PlayerReport): string[] {
  const { account, sessions } = report;
  const line = (name: string, value: string): string => `${name.padEnd(10)}${value}`;
  const lines = [
    line("player", report.playerId),
    line(
      "account",
      account === null
        ? "none: a development player of the host"
        : `${account.name}, since ${account.createdAt}, ${account.openLogins} open logins, residence ${account.residence ?? "none yet"}${account.bannedUntil === null ? "" : `, banned until ${account.bannedUntil}`}`,
    ),
    line("where", report.where),
  ];
  for (const { key, hexVersion, rows, lastDecidedAt, places } of report.hexes) {
    const named =
      places.length === 0 ? "names it no more" : places.map(({ path }) => path).join(", ");
    lines.push(
      line("hex", `${key} (version ${hexVersion}): ${named}; ${rows} rows, last ${lastDecidedAt}`),
    );
  }
  if (sessions === null) lines.push(line("session", "not known: no world runs here"));
  else if (sessions.length === 0) lines.push(line("session", "none"));
  for (const session of sessions ?? []) {
    lines.push(
      line(
        "session",
        `${session.sessionId} at ${session.gateway} since ${session.begunAt} (${session.sdk}), watches ${session.subscriptions.length} hexes, ${session.commandsInFlight} commands in flight, ${session.bufferedBytes} bytes unread`,
      ),
    );
  }
  return [
    ...lines,
    ...belongingsLines(report.belongings, line),
    `journal, the last ${report.journal.length} rows that name it`,
    ...report.journal.map((row) => journalLine(row, true)),
  ];
}

async function readAccount(
  client: PgClient,
  who: string,
): Promise<{ readonly id: string; readonly view: AccountView } | undefined> {
  const { rows } = await client.query<{
    account_id: string;
    name: string;
    created_at: Date;
    banned_until: string | null;
    hex_id: string | null;
    layer_id: string | null;
    logins: string;
    owed_hex: string | null;
    owed_layer: string | null;
  }>(
    `SELECT a.account_id, a.name, a.created_at, a.banned_until::text, a.hex_id, a.layer_id,
       (SELECT count(*) FROM accounts.login AS l
        WHERE l.account_id = a.account_id AND l.ended_at IS NULL) AS logins,
       d.hex_id AS owed_hex, d.layer_id AS owed_layer
     FROM accounts.account AS a LEFT JOIN accounts.spawn_duty AS d USING (account_id)
     WHERE ${idPattern.test(who) ? "a.account_id = $1::uuid" : "lower(a.name) = lower($1)"}`,
    [who],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return {
    id: row.account_id,
    view: {
      name: row.name,
      createdAt: row.created_at.toISOString(),
      bannedUntil: row.banned_until,
      residence: keyOf(row.hex_id, row.layer_id),
      openLogins: Number(row.logins),
      owedTo: keyOf(row.owed_hex, row.owed_layer),
    },
  };
}

function keyOf(hexId: string | null, layerId: string | null): string | null {
  return hexId === null ? null : keyText({ hexId: BigInt(hexId), layerId: Number(layerId ?? 0) });
}

async function readSessions(
  { status, controlToken }: RunningWorld,
  accountId: Uint8Array,
): Promise<SessionView[]> {
  const gateways = status.processes.filter(({ kind }) => kind === "gateway");
  const found = await Promise.all(
    gateways.map(async ({ name, controlUrl }) => {
      if (controlUrl === undefined) return [];
      const channel = openChannel(controlUrl, { token: controlToken, callTimeoutMs });
      try {
        const { sessions } = await channel.client(ProcessService).inspectSessions({ accountId });
        return sessions.map((session) => ({
          gateway: name,
          sessionId: uuidText(session.sessionId),
          begunAt: new Date(Number(session.begunMs)).toISOString(),
          sdk: session.sdk,
          subscriptions: session.subscriptions,
          commandsInFlight: session.commandsInFlight,
          bufferedBytes: Number(session.bufferedBytes),
        }));
      } catch {
        return [];
      } finally {
        channel.close();
      }
    }),
  );
  return found.flat();
}
