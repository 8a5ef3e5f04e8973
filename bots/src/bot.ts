/**
 * One bot: an account, a session and a player that lives by `decideNext`.
 *
 * Phases: joining (account, session, views, `enter`) → playing (a step, a pause, …) → leaving (the step in hand
 * ends, views are held against full states, `leave`, logout) → over. A session that the server ends for good
 * ends the playing; the bot is then `lost`.
 */
import { setTimeout as pause } from "node:timers/promises";
import {
  type Account,
  AccountError,
  type Client,
  type ClientStats,
  compareBytes,
  connect,
  register,
  type Subscription,
  uuidBytes,
} from "@hexhold/client";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { type HexView, MoveSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { type Resource, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { diskOf, type Key, sameKey } from "@hexhold/hex";
import {
  createReferencePlayer,
  ownerAt,
  referenceView,
  roomAt,
  stockAt,
} from "@hexhold/reference-client";
import { type Calling, traitsFor } from "./calling.ts";
import { type CommandEnd, type Ended, endOf, transferOf } from "./command-end.ts";
import { decideNext, type Land, type Step, type Surroundings } from "./decide-next.ts";
import { createErrands } from "./errands.ts";
import { assetOf, type Life, measured } from "./life.ts";
import { type Heard, listen } from "./listening.ts";
import type { Random } from "./seeded-random.ts";

export interface BotOptions {
  /** Of gateways, `ws:` or `http:`, at least one: the account is asked for at the first, the session is at any. */
  readonly gateways: readonly string[];
  readonly name: string;
  readonly password: string;
  readonly random: Random;
  /** Steps a second while each is answered at once; the pauses vary by half. */
  readonly pace: number;
  /** What it lives for; none: it has no part in the economy. */
  readonly calling?: Calling | undefined;
  readonly onCommand: (end: CommandEnd) => void;
  /** Of each message of somebody else that it reads; none: it does not listen. */
  readonly onHeard?: Heard | undefined;
}

export interface Bot {
  readonly accountId: string;
  /** Its session is up now. */
  readonly online: boolean;
  /** The server has ended its session for good. */
  readonly lost: boolean;
  readonly stats: Readonly<ClientStats>;
  /** Answers UNKNOWN_OUTCOME that came over the wire; the SDK repeats those commands. */
  readonly unknownAnswers: number;
  /** Ends it in good order, and rejects when it had failed; a call while it ends waits with it. At most about 70 s, when nobody answers. */
  stop(): Promise<void>;
  /** Ends its session at once, whatever is in hand. */
  close(): void;
}

/** Tries at registration: a gateway limits calls, and says how long to wait. */
const registerTriesMax = 20;
const ringRadius = 1;
/** At the end: full states that must agree with what was folded. */
const compareMsMax = 3000;

/** Registers the account (or logs in, when it exists with this password), connects, enters, and begins to play. */
export async function startBot(options: BotOptions): Promise<Bot> {
  const account = await registered(options);
  let unknownAnswers = 0;
  const client = await connect({
    url: options.gateways.map((url) => url.replace(/^http/, "ws")),
    token: account.token,
    sdk: "hexhold-bots",
    view: referenceView,
    onFrame({ content }) {
      if (content.case !== "answer") return;
      const { outcome } = content.value;
      if (outcome.case === "error" && outcome.value.errorCode === ErrorCode.UNKNOWN_OUTCOME)
        unknownAnswers++;
    },
  });
  const player = createReferencePlayer(client);
  const stopping = new AbortController();
  const joined: Life = {
    ...options,
    client,
    player,
    accountId: uuidBytes(account.accountId),
    traits: traitsFor(options.calling),
    stopping: stopping.signal,
    carried: new Map(),
  };
  await measured(joined, "enter", () => player.enter());
  if (options.onHeard !== undefined) listen(joined, options.onHeard);
  const life = live(joined);
  // A fault of the bot's own is told when it is stopped.
  life.catch(() => undefined);
  let ended: Promise<void> | undefined;
  const isLost = (): boolean => client.state.mode === "closed" && !stopping.signal.aborted;
  let lost = false;
  const end = async (): Promise<void> => {
    try {
      await life;
    } finally {
      client.close();
      // The login ends by itself later, if nobody answers now.
      await account.logout().catch(() => undefined);
    }
  };
  return {
    accountId: account.accountId,
    get online() {
      return client.state.mode === "online";
    },
    get lost() {
      return (lost ||= isLost());
    },
    stats: client.stats,
    get unknownAnswers() {
      return unknownAnswers;
    },
    stop() {
      lost ||= isLost();
      stopping.abort();
      return (ended ??= end());
    },
    close() {
      lost ||= isLost();
      stopping.abort();
      client.close();
    },
  };
}

async function registered({ gateways, name, password }: BotOptions): Promise<Account> {
  const [url = ""] = gateways;
  for (let tries = 1; ; tries++) {
    try {
      return await register({ url }, name, password);
    } catch (error) {
      const mayHelp = error instanceof AccountError && error.retryAfterMs > 0;
      if (!mayHelp || tries === registerTriesMax) throw error;
      await pause(error.retryAfterMs);
    }
  }
}

async function live(life: Life): Promise<void> {
  const { client, player, random, traits, stopping } = life;
  const errands = createErrands(life);
  let at = player.key;
  let views = watchAround(client, at);
  while (!stopping.aborted && client.state.mode !== "closed") {
    const pauseMs = (1000 / life.pace) * (0.5 + random());
    await pause(pauseMs, undefined, { signal: stopping }).catch(() => undefined);
    if (stopping.aborted) break;
    await errands.run();
    if (stopping.aborted) break;
    const end = await take(life, decideNext(surroundingsOf(life), random, traits));
    if (!sameKey(player.key, at)) {
      at = player.key;
      const before = views;
      // Hexes of both are not let go of in between.
      views = watchAround(client, at);
      before.close();
    }
    // Another session of this account, or an operator, has sent it offline.
    if (end.reason === "offline") await measured(life, "enter", () => player.enter());
  }
  if (client.state.mode !== "closed") {
    await compareViews(client, views.keys);
    await measured(life, "leave", () => player.leave());
  }
  views.close();
}

/** Does a step and waits for its outcome. */
function take(life: Life, step: Step): Promise<Ended> {
  const { client, player } = life;
  switch (step.kind) {
    case "walk":
      return measured(life, "walk", () =>
        client.send(MoveSchema, player.key, { x: step.x, y: step.y }),
      );
    case "gather":
      return measured(life, "gather", async () => {
        const outcome = await player.gather(step.resource, step.amount);
        if (outcome.outcome === "applied") carry(life, step.resource, step.amount);
        return outcome;
      });
    case "contribute":
      // Whatever the inventory says: what it did not have the bot does not count on again.
      carry(life, step.resource, -step.amount);
      return measured(life, "contribute", () =>
        player.contribute(step.resource, step.amount, step.siteId),
      );
    case "plan":
      return measured(life, "plan", () => player.planSite(SiteKind.DWELLING));
    case "cross":
      return cross(life, step.side);
    default:
      return step satisfies never;
  }
}

function carry({ carried }: Life, resource: Resource, more: number): void {
  const amount = (carried.get(resource) ?? 0) + more;
  if (amount > 0) carried.set(resource, amount);
  else carried.delete(resource);
}

async function cross({ player, onCommand }: Life, side: number): Promise<Ended> {
  const { hexId, layerId } = player.key;
  // The first of the disk is the hex itself.
  const to = { hexId: diskOf(hexId, 1)[side + 1]!, layerId };
  const sentMs = performance.now();
  const outcome = await player.transfer(to);
  const end = endOf("cross", sentMs, performance.now(), outcome);
  onCommand(outcome.outcome === "applied" ? { ...end, transfer: transferOf(outcome) } : end);
  return outcome;
}

function watchAround(client: Client<HexView>, key: Key): Subscription {
  const keys = diskOf(key.hexId, ringRadius).map((hexId) => ({ hexId, layerId: key.layerId }));
  return client.subscribe(keys, () => undefined);
}

function surroundingsOf({
  client,
  player: { key },
  carried,
  traits,
  accountId,
}: Life): Surroundings {
  const neighbours = diskOf(key.hexId, 1).length - 1;
  const seen = client.view(key);
  if (seen === undefined) return { stocks: [], neighbours };
  const nowMs = client.serverNow();
  return {
    neighbours,
    stocks: traits.resources.map((resource) => ({
      resource,
      amount: stockAt(seen.view, resource, nowMs),
    })),
    land: landOf(seen.view, nowMs, carried, accountId),
  };
}

/** Undefined in a world of an earlier format. */
function landOf(
  view: HexView,
  nowMs: number,
  carried: Land["carried"],
  self: Uint8Array,
): Land | undefined {
  if (view.buildingsMax === 0) return undefined;
  const { site } = view;
  const isOpen = site !== undefined && site.startedMs === 0n;
  const owner = ownerAt(view, nowMs);
  return {
    site: isOpen
      ? {
          siteId: site.siteId,
          wanted: site.needs
            .map((need) => ({
              resource: need.resource,
              room: Number(roomAt(view, need, assetOf(need.resource))),
            }))
            .filter(({ room }) => room > 0),
        }
      : undefined,
    mayPlan:
      site === undefined &&
      view.level > 0 &&
      view.buildings.length === 0 &&
      (owner === undefined || compareBytes(owner, self) === 0),
    carried,
  };
}

/** Asks for full states; the SDK holds them against its own views (`stats.gapsUnnoticed`). */
async function compareViews(client: Client<HexView>, keys: readonly Key[]): Promise<void> {
  const before = client.stats.states;
  const untilMs = performance.now() + compareMsMax;
  client.resync(keys);
  while (client.stats.states < before + keys.length && performance.now() < untilMs) {
    await pause(20);
  }
}
