import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type ProcessKind,
  type RegisterRequest,
  type WatchAssignmentsResponseSchema,
} from "@hexhold/gen/hexhold/control/v1/control_pb";
import type { PushStream } from "../push-stream.ts";

export type Assignment = MessageInitShape<typeof WatchAssignmentsResponseSchema>;

/** A process that has registered. It lives in memory only: heartbeats build it again after a restart. */
export interface Member {
  readonly instance: string;
  readonly incarnation: string;
  /** `instance#incarnation`: whom leases and epochs belong to. */
  readonly holder: string;
  readonly session: string;
  readonly kind: ProcessKind;
  /** World time. */
  readonly registeredAtMs: number;
  controlUrl: string;
  version: string;
  worldFormat: number;
  amqpConnections: readonly string[];
  /** Clock that never goes back. */
  heardMs: number;
  acknowledgedRouteVersion: bigint;
  /** Workers: not warmed up. */
  isCold: boolean;
  /** Open stream for grants and releases. */
  assignments: PushStream<Assignment> | undefined;
  /** Open streams of any kind: when the last one breaks, the process may be dead. */
  openStreams: number;
}

const membersMax = 1_024;

/** Who is in the cluster, by instance: one process a name. */
export interface Members {
  /**
   * Takes a process in, or notes what has changed when it is the same one. `replaced` is the process
   * that had the name before and is dead therefore. Throws ALREADY_EXISTS when one that started later
   * has the name and lives, RESOURCE_EXHAUSTED beyond 1,024 processes.
   */
  register(request: RegisterRequest): { readonly member: Member; readonly replaced?: Member };
  /** Throws NOT_FOUND: the process is to register again. */
  bySession(session: string): Member;
  byHolder(holder: string): Member | undefined;
  /** Whether it was heard within one TTL. */
  isHeard(member: Member): boolean;
  /** Forgets it; false when it was replaced or forgotten before. */
  remove(member: Member): boolean;
  list(): readonly Member[];
}

export function createMembers(options: {
  readonly ttlMs: number;
  readonly now: () => number;
  readonly worldNow: () => number;
}): Members {
  const { ttlMs, now, worldNow } = options;
  const byInstance = new Map<string, Member>();
  const bySession = new Map<string, Member>();

  function isHeard(member: Member): boolean {
    return now() - member.heardMs < ttlMs;
  }

  function remove(member: Member): boolean {
    bySession.delete(member.session);
    member.assignments?.close();
    if (byInstance.get(member.instance) !== member) return false;
    return byInstance.delete(member.instance);
  }

  return {
    register(request) {
      const { instance } = request;
      // Names of one process differ in case only by mistake, UUIDs by habit.
      const incarnation = request.incarnation.toLowerCase();
      const before = byInstance.get(instance);
      if (before?.incarnation === incarnation) {
        note(before, request, now());
        return { member: before };
      }
      // A UUIDv7 begins with the time: of two processes with one name the later one counts.
      if (before !== undefined && before.incarnation > incarnation && isHeard(before)) {
        throw new ConnectError(
          `another process with the name ${instance} started later and lives: give each process a name of its own`,
          Code.AlreadyExists,
        );
      }
      if (before === undefined && byInstance.size >= membersMax) {
        throw new ConnectError(`${membersMax} processes are registered`, Code.ResourceExhausted);
      }
      if (before !== undefined) remove(before);
      const member: Member = {
        instance,
        incarnation,
        holder: `${instance}#${incarnation}`,
        session: randomUUID(),
        kind: request.kind,
        registeredAtMs: worldNow(),
        controlUrl: request.controlUrl,
        version: request.version,
        worldFormat: request.worldFormat,
        amqpConnections: request.amqpConnections,
        heardMs: now(),
        acknowledgedRouteVersion: 0n,
        isCold: request.cold,
        assignments: undefined,
        openStreams: 0,
      };
      byInstance.set(instance, member);
      bySession.set(member.session, member);
      return before === undefined ? { member } : { member, replaced: before };
    },
    bySession(session) {
      const member = bySession.get(session);
      if (member !== undefined) return member;
      throw new ConnectError("this session is not known here: register again", Code.NotFound);
    },
    byHolder(holder) {
      const member = byInstance.get(instanceOf(holder));
      return member?.holder === holder ? member : undefined;
    },
    isHeard,
    remove,
    list: () => [...byInstance.values()],
  };
}

function note(member: Member, request: RegisterRequest, nowMs: number): void {
  member.controlUrl = request.controlUrl;
  member.version = request.version;
  member.worldFormat = request.worldFormat;
  member.amqpConnections = request.amqpConnections;
  member.isCold = request.cold;
  member.heardMs = nowMs;
}

/** `worker-1#<incarnation>` → `worker-1`; an empty text stays one. */
export function instanceOf(holder: string): string {
  return holder.split("#", 1)[0] ?? "";
}

/** `worker-1#<incarnation>` → the incarnation. */
export function incarnationOf(holder: string): string {
  return holder.slice(instanceOf(holder).length + 1);
}
