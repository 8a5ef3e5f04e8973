/**
 * One AMQP connection that comes back.
 *
 * amqplib's own recovery is not used: every connection needs a name of its own (the control plane tells
 * connections apart by it, and a route table is void without the connection under which it was fetched),
 * and consumers must not come back by themselves: a slot is subscribed again only when its epoch is current.
 */
import { storeRefusal } from "@hexhold/config";
import { type ChannelModel, connect } from "amqplib";
import { gatherWrites } from "./gather-writes.ts";

export interface ConnectionOptions {
  readonly url: string;
  /** Name stem; the connection number is put behind it. */
  readonly name: string;
  /** Frames of life, in seconds: a frozen peer is noticed after about three of them. */
  readonly heartbeatS: number;
  readonly reconnectDelayMs: { readonly first: number; readonly max: number };
  readonly onUp: (model: ChannelModel, name: string, generation: number) => Promise<void>;
  readonly onDown: (reason: string) => void;
  readonly onBlocked: (reason: string | undefined) => void;
}

export interface ReconnectingConnection {
  /** Name of the connection that is open, undefined while there is none. */
  readonly name: string | undefined;
  /** Closes it, also one that is only coming up, and opens none any more. */
  close(): Promise<void>;
}

/** Opens the connection and keeps it open until `close`. Returns at once. */
export function keepConnection(options: ConnectionOptions): ReconnectingConnection {
  let generation = 0;
  /** It is up: `onUp` has been told and has what it needs. */
  let model: ChannelModel | undefined;
  /** It is open, up or not yet. */
  let current: ChannelModel | undefined;
  let name: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let delayMs = options.reconnectDelayMs.first;
  let closed = false;

  const again = (): void => {
    if (closed) return;
    timer = setTimeout(open, delayMs);
    delayMs = Math.min(delayMs * 2, options.reconnectDelayMs.max);
  };
  const attempt = async (): Promise<void> => {
    generation++;
    const ownName = `${options.name}.${generation}`;
    let failure = "";
    try {
      const opened = await connect(withHeartbeat(options.url, options.heartbeatS), {
        // The default costs 40 ms a round trip.
        noDelay: true,
        timeout: 10_000,
        clientProperties: { connection_name: ownName },
      });
      gatherWrites(opened);
      // An unheard `error` ends the process; `close` follows it.
      opened.on("error", (error: Error) => (failure = error.message));
      opened.on("blocked", (reason: string) => options.onBlocked(reason));
      opened.on("unblocked", () => options.onBlocked(undefined));
      opened.on("close", () => {
        const wasUp = model === opened;
        model = undefined;
        current = undefined;
        name = undefined;
        if (wasUp) options.onDown(failure || "closed by the broker");
        again();
      });
      if (closed) {
        await opened.close();
        return;
      }
      current = opened;
      // Whoever hears that it is up may ask for its name.
      name = ownName;
      try {
        await options.onUp(opened, ownName, generation);
      } catch (error) {
        name = undefined;
        failure = (error as Error).message;
        options.onDown(failure);
        await opened.close().catch(() => undefined);
        return;
      }
      // Closed by its owner, or by the broker, while `onUp` ran: `close` has been or will be heard.
      if (closed || current !== opened) {
        name = undefined;
        options.onDown(failure || "closed while it came up");
        await opened.close().catch(() => undefined);
        return;
      }
      model = opened;
      delayMs = options.reconnectDelayMs.first;
    } catch (error) {
      options.onDown(storeRefusal(error) ?? (error as Error).message);
      again();
    }
  };
  const open = (): void => void attempt();
  open();

  return {
    get name() {
      return name;
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await current?.close().catch(() => undefined);
    },
  };
}

function withHeartbeat(url: string, heartbeatS: number): string {
  const parsed = new URL(url);
  if (!parsed.searchParams.has("heartbeat"))
    parsed.searchParams.set("heartbeat", String(heartbeatS));
  return parsed.href;
}
