import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import {
  ControlService,
  ProcessKind,
  type RegisterRequest,
} from "@hexhold/gen/hexhold/control/v1/control_pb";
import type { Logger } from "@hexhold/telemetry";
import type { SlotLeases } from "../lease/slot-leases.ts";
import { createPushStream, type PushStream } from "../push-stream.ts";
import type { RouteTable } from "../route-table/route-table.ts";
import type { WorldName } from "../control-store.ts";
import type { WorldFormat } from "../world-format.ts";
import type { WorldGame, WorldSettingValues } from "../world-settings.ts";
import type { DeathWatch } from "./death-watch.ts";
import type { Assignment, Member, Members } from "./members.ts";

/** Grants and releases that wait for a worker; two for each slot of the largest world, and some. */
const assignmentsMax = 1_024;

export interface ControlServiceParts {
  readonly members: Members;
  readonly leases: SlotLeases;
  readonly routes: RouteTable;
  readonly deathWatch: DeathWatch;
  readonly settings: WorldSettingValues;
  readonly world: WorldName;
  readonly game: WorldGame;
  readonly format: WorldFormat;
  readonly worldNow: () => number;
  /** PostgreSQL's clock, Unix milliseconds. */
  readonly clockNow: () => number;
  readonly now: () => number;
  readonly ttlMs: number;
  readonly logger: Logger;
}

/** What a router offers to every other process. */
export function routeControlService(router: ConnectRouter, parts: ControlServiceParts): void {
  const { members, leases, routes, settings, format, logger } = parts;

  router.service(ControlService, {
    async register(request) {
      checkControlUrl(request);
      await checkGame(request);
      const { member, replaced } = members.register(request);
      if (replaced !== undefined) {
        logger.info(
          { process: member.instance },
          "a process has started again: the old one is dead",
        );
        leases.holderDied(replaced.holder);
      }
      leases.instanceStarted(member.instance, member.incarnation);
      if (member.kind === ProcessKind.WORKER && member.worldFormat < format.current) {
        logger.warn(
          { process: member.instance, reads: member.worldFormat, world: format.current },
          "this worker does not read the world's format: it gets no slots",
        );
      }
      return {
        session: member.session,
        leaseTtlMs: parts.ttlMs,
        worldTimeMs: BigInt(parts.worldNow()),
        clockMs: BigInt(parts.clockNow()),
        settings: { ...settings, game: parts.game.name ?? "", worldFormat: format.current },
        world: parts.world,
      };
    },

    heartbeat(request) {
      const member = members.bySession(request.session);
      member.heardMs = parts.now();
      member.acknowledgedRouteVersion = request.acknowledgedRouteVersion;
      if (member.isCold && !request.cold) {
        member.isCold = false;
        logger.info({ process: member.instance }, "a worker is warmed up");
        leases.workerReady(member.holder);
      }
      if (member.kind === ProcessKind.WORKER) leases.report(member.holder, request.held);
      return { worldTimeMs: BigInt(parts.worldNow()), worldFormat: format.current };
    },

    async *watchAssignments(request, context) {
      const member = members.bySession(request.session);
      if (member.kind !== ProcessKind.WORKER) {
        throw new ConnectError("only workers are granted slots", Code.PermissionDenied);
      }
      const stream = createPushStream<Assignment>(assignmentsMax, tooSlow);
      // A worker reads one stream; what it opened before is dead, or it would not open another.
      member.assignments?.close();
      member.assignments = stream;
      leases.workerReady(member.holder);
      yield* whileOpen(member, stream, context, () => {
        if (member.assignments !== stream) return;
        member.assignments = undefined;
        leases.workerAway(member.holder);
      });
    },

    async *watchRoutes(request, context) {
      const member = members.bySession(request.session);
      const stream = routes.watch();
      yield* whileOpen(member, stream, context, () => routes.unwatch(stream));
    },
  });

  /** Refuses a process whose game is not the world's, before it is granted anything: by name, and for good. */
  async function checkGame({ instance, game, worldFormat }: RegisterRequest): Promise<void> {
    if (game === undefined) return;
    const fault = await parts.game.fault(game);
    if (fault === undefined) return parts.format.settle(worldFormat);
    logger.error({ process: instance, game: game.name, version: game.version }, fault);
    throw new ConnectError(fault, Code.FailedPrecondition);
  }

  /** Yields until either side ends; when it was the process's last stream, asks whether it lives. */
  async function* whileOpen<Item>(
    member: Member,
    stream: PushStream<Item>,
    { signal }: HandlerContext,
    onEnd: () => void,
  ): AsyncGenerator<Item, void, undefined> {
    let open = true;
    member.openStreams++;
    const end = (): void => {
      if (!open) return;
      open = false;
      stream.close();
      onEnd();
      member.openStreams--;
      if (member.openStreams === 0) parts.deathWatch.suspect(member);
    };
    // The broken connection aborts the signal at once; the generator is told only with its next item.
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
    try {
      yield* stream.items;
    } finally {
      end();
    }
    signal.throwIfAborted();
  }
}

function tooSlow(): Error {
  return new ConnectError("assignments are read too slowly: open again", Code.ResourceExhausted);
}

/** A port that cannot be asked would make every broken stream cost a TTL. */
function checkControlUrl(request: RegisterRequest): void {
  const url = URL.parse(request.controlUrl);
  if (url?.protocol === "http:" && url.port !== "") return;
  throw new ConnectError(
    `control_url of ${request.instance} must be http://host:port of its own server, not ${JSON.stringify(request.controlUrl)}`,
    Code.InvalidArgument,
  );
}
