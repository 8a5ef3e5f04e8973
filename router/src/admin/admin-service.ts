import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import type { Logger } from "@hexhold/telemetry";
import type { BrokerAdmin } from "../broker/broker-admin.ts";
import type { SlotLeases } from "../lease/slot-leases.ts";
import { instanceOf, type Members } from "../membership/members.ts";
import { kindName } from "../membership/process-kind.ts";
import type { RouteTable } from "../route-table/route-table.ts";
import type { WorldFormat } from "../world-format.ts";
import type { OperatorWarning } from "./list-warnings.ts";
import { type HexLookup, lookUpHex } from "./look-up-hex.ts";

export interface AdminServiceParts extends Omit<HexLookup, "ownerOf"> {
  readonly members: Members;
  readonly leases: SlotLeases;
  readonly routes: RouteTable;
  readonly broker: BrokerAdmin | undefined;
  readonly worldNow: () => number;
  readonly now: () => number;
  readonly format: WorldFormat;
  readonly logger: Logger;
  readonly warnings: () => Promise<readonly OperatorWarning[]>;
  /** Rejects with a ConnectError that says why it was not sent. */
  readonly retryDeadLetter: (eventId: string) => Promise<{ type: string; queue: string }>;
  /** This router itself, which registers with nobody. */
  readonly self: {
    readonly instance: string;
    readonly controlUrl: () => string;
    readonly version: string;
    readonly startedAtMs: number;
  };
}

/** What operators may ask of a router. */
export function routeAdminService(router: ConnectRouter, parts: AdminServiceParts): void {
  const { members, leases, routes, self } = parts;

  router.service(AdminService, {
    listPartitions() {
      return {
        routeVersion: routes.routeVersion,
        partitions: leases.view().map((slot) => ({
          slot: slot.slot,
          owner: instanceOf(slot.holder ?? ""),
          epoch: slot.epoch,
          leaseExpiresMs:
            slot.leaseLeftMs === undefined
              ? 0n
              : BigInt(Math.round(parts.worldNow() + slot.leaseLeftMs)),
          health: slot.served ? "ok" : "stalled",
        })),
      };
    },

    listProcesses() {
      const slots = leases.view();
      const nowMs = parts.worldNow();
      const others = members.list().map((member) => ({
        instance: member.instance,
        kind: kindName(member.kind),
        controlUrl: member.controlUrl,
        version: member.version,
        registeredAtMs: BigInt(member.registeredAtMs),
        lastHeartbeatMs: BigInt(Math.round(nowMs - (parts.now() - member.heardMs))),
        slots: slots.filter(({ holder }) => holder === member.holder).map(({ slot }) => slot),
        alive: members.isHeard(member),
      }));
      const own = {
        instance: self.instance,
        kind: "router",
        controlUrl: self.controlUrl(),
        version: self.version,
        registeredAtMs: BigInt(self.startedAtMs),
        lastHeartbeatMs: BigInt(nowMs),
        alive: true,
      };
      const processes = [own, ...others].toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
      return { processes };
    },

    getHex({ key }) {
      return lookUpHex(key, {
        ...parts,
        ownerOf(slot) {
          const view = leases.view().find((item) => item.slot === slot);
          if (view?.holder === undefined) return undefined;
          return {
            instance: instanceOf(view.holder),
            epoch: view.epoch,
            controlUrl: members.byHolder(view.holder)?.controlUrl,
          };
        },
      });
    },

    async listWarnings() {
      return { warnings: [...(await parts.warnings())] };
    },

    retryDeadLetter: ({ eventId }) => parts.retryDeadLetter(eventId),

    getWorldFormat: () => ({ format: parts.format.current }),

    async raiseWorldFormat({ format }) {
      const before = await parts.format.raise(format, members.list());
      if (before < format) parts.logger.info({ before, format }, "the world's format is raised");
      return { before };
    },

    async listQueues() {
      if (parts.broker === undefined) {
        throw new ConnectError(
          "this router cannot ask the broker: set rabbitmqManagementUrl",
          Code.FailedPrecondition,
        );
      }
      const queues = await parts.broker.queueDepths().catch((error: unknown) => {
        const detail = error instanceof Error ? error.message : String(error);
        throw new ConnectError(`the broker does not say: ${detail}`, Code.Unavailable);
      });
      return {
        queues: queues.map((queue) => ({
          name: queue.name,
          messagesReady: BigInt(queue.messagesReady),
          messagesUnacked: BigInt(queue.messagesUnacked),
          consumers: queue.consumers,
        })),
      };
    },
  });
}
