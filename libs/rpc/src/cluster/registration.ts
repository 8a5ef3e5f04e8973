import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { ControlService, type RegisterResponse } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { type RpcChannel, openChannel } from "../client/channel.ts";
import { createBackoff } from "./backoff.ts";
import type { JoinOptions } from "./membership.ts";
import type { WorldClock } from "./world-clock.ts";

/** What one router knows this process by. */
export interface Link {
  readonly client: Client<typeof ControlService>;
  readonly session: string;
  /** Aborted when another session has taken its place: streams move over. */
  readonly replaced: AbortController;
}

/**
 * The registration of a process, always exactly one:
 *
 * - *new*: no router has taken it yet; `first` leads to *registered* or fails for good;
 * - *registered*: calls go to `link`;
 * - *lost*: the router does not know the session any more, or does not answer and there are others.
 *   Registers in turn at each router until one takes it, then *registered* again, with a new session.
 */
export interface Registration {
  /** Registers for the first time. Rejects after `joinTimeoutMs`, at once when refused for good. */
  first(): Promise<RegisterResponse>;
  /** Runs `call` on the link, and once more on a new one when the link is lost. */
  run(call: (link: Link) => Promise<void>): Promise<void>;
  /** Runs `call` on the link there is, if any, whatever comes of it. */
  tryOnce(call: (link: Link) => Promise<void>): Promise<void>;
  /** Registers again with what has changed; resolves when a router has taken it. */
  renew(): Promise<void>;
  /** Closes the channels that were opened for it. */
  close(): void;
}

const defaultJoinTimeoutMs = 30_000;

/** No router can answer these otherwise later: the caller is wrong. */
const finalCodes: ReadonlySet<Code> = new Set([
  Code.Unauthenticated,
  Code.PermissionDenied,
  Code.InvalidArgument,
  Code.AlreadyExists,
  Code.FailedPrecondition,
  Code.Unimplemented,
]);

/** This router is gone, stands by, or is frozen: another one may answer. */
const elsewhere: ReadonlySet<Code> = new Set([Code.Unavailable, Code.DeadlineExceeded]);

export function createRegistration(
  options: JoinOptions,
  amqpConnections: () => readonly string[],
  clock: WorldClock,
  stopping: AbortSignal,
): Registration {
  const { logger } = options;
  const opened = openAll(options);
  const channels = opened ?? [options.routers as RpcChannel];
  let turn = 0;
  let link: Link | undefined;
  let joining: Promise<Link> | undefined;

  /** One try, at the router whose turn it is; after a failure it is the next one's. */
  async function register(): Promise<RegisterResponse> {
    const channel = channels[turn % channels.length];
    if (channel === undefined) throw new Error("no router is configured: name at least one URL");
    const client = channel.client(ControlService);
    const sentMs = performance.now();
    try {
      const answer = await client.register(
        {
          instance: options.instance,
          kind: options.kind,
          controlUrl: options.controlUrl,
          amqpConnections: [...amqpConnections()],
          incarnation: options.incarnation,
          version: options.version,
          worldFormat: options.worldFormat ?? 0,
          cold: options.isCold?.() ?? false,
          ...(options.game === undefined
            ? {}
            : { game: { name: options.game.name, version: options.game.version } }),
        },
        { signal: stopping },
      );
      clock.observe({
        sentMs,
        receivedMs: performance.now(),
        worldMs: Number(answer.worldTimeMs),
      });
      if (link?.session !== answer.session) {
        link?.replaced.abort();
        link = { client, session: answer.session, replaced: new AbortController() };
      }
      return answer;
    } catch (error) {
      turn++;
      throw error;
    }
  }

  /** Tries until a router takes the process; one such run at a time. */
  function registerAgain(): Promise<Link> {
    joining ??= (async () => {
      const backoff = createBackoff(50, 2_000);
      for (;;) {
        try {
          await register();
          if (link !== undefined) return link;
        } catch (error) {
          if (stopping.aborted) throw error;
          logger.warn({ err: error }, "no router takes this process; it goes on and tries again");
        }
        await backoff.wait(stopping);
      }
    })().finally(() => void (joining = undefined));
    return joining;
  }

  return {
    async first() {
      const timeoutMs = options.joinTimeoutMs ?? defaultJoinTimeoutMs;
      const where = channels.map((channel) => channel.target).join(", ");
      const deadline = performance.now() + timeoutMs;
      const backoff = createBackoff(50, 1_000);
      for (;;) {
        try {
          return await register();
        } catch (error) {
          const { code, rawMessage } = ConnectError.from(error);
          if (finalCodes.has(code)) {
            const message = `the router (${where}) refuses ${options.instance}: ${rawMessage}`;
            throw new Error(message, { cause: error });
          }
          if (performance.now() > deadline) {
            const message = `no router (${where}) took ${options.instance} within ${timeoutMs / 1000} s: ${rawMessage}; is it running, and is this its control port?`;
            throw new Error(message, { cause: error });
          }
          logger.debug({ err: error }, "waiting for a router");
          await backoff.wait(stopping);
        }
      }
    },
    async run(call) {
      const current = link ?? (await registerAgain());
      try {
        await call(current);
      } catch (error) {
        const { code } = ConnectError.from(error);
        const lost = code === Code.NotFound || (channels.length > 1 && elsewhere.has(code));
        if (stopping.aborted || !lost) throw error;
        await call(link === undefined || link === current ? await registerAgain() : link);
      }
    },
    async tryOnce(call) {
      if (link !== undefined) await call(link).catch(() => undefined);
    },
    async renew() {
      // One that is under way has named what was known when it was sent.
      await joining?.catch(() => undefined);
      await registerAgain();
    },
    close() {
      for (const channel of opened ?? []) channel.close();
    },
  };
}

/** Channels of this registration's own; undefined when the caller has handed over its. */
function openAll(options: JoinOptions): readonly RpcChannel[] | undefined {
  if (!Array.isArray(options.routers)) return undefined;
  const channelOptions = options.token === undefined ? {} : { token: options.token };
  return (options.routers as readonly string[]).map((url) => openChannel(url, channelOptions));
}
