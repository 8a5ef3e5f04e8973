/** Commands of a process on its own behalf, each with its one answer. */
import type { Answer } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import type { Bus, Inbox, PublishOutcome } from "./bus.ts";
import { bytesText } from "./bytes-text.ts";
import { decodeAnswer, encodeBatch, splitAnswers } from "./codec.ts";
import type { Place } from "./producer-routes.ts";
import { uuidText } from "./uuid.ts";

export interface RequesterOptions {
  readonly bus: Bus;
  /** Beginning of the reply queue's name; the rest is its own. */
  readonly name: string;
  /** Requests without an outcome, also those whose reply queue is still being opened; more are `unsent`. Default 1,024. */
  readonly pendingMax?: number;
}

export interface ServiceRequest {
  /**
   * Queue of a domain service; or what chooses a slot when the request is handed over, as the table may be another one by
   * then: undefined = nothing may be published now.
   */
  readonly to: string | (() => Place | undefined);
  /** Encoded envelope. */
  readonly envelope: Uint8Array;
  /** Its event id, 16 bytes. */
  readonly eventId: Uint8Array;
  /** With secrets: kept off disks. Default false. */
  readonly transient?: boolean;
  /** From the call to its outcome, the opening of the reply queue included. */
  readonly timeoutMs: number;
}

/**
 * - `unsent`: certainly not executed: no broker, one that has opened no reply queue in time, no such queue, a full queue,
 *   no place to publish to.
 * - `unknown`: no answer in time; it may have been executed, or may still be.
 */
export type RequestOutcome =
  | { readonly case: "answered"; readonly answer: Answer }
  | { readonly case: "unsent"; readonly why: "bus-down" | "no-queue" | "queue-full" | "no-route" }
  | { readonly case: "unknown" };

export interface Requester {
  /** Sends once and waits for the answer. Never rejects. */
  request(request: ServiceRequest): Promise<RequestOutcome>;
  /** Requests that wait are `unknown`, or `unsent` where nothing was handed over. */
  close(): void;
}

interface Pending {
  readonly settle: (outcome: RequestOutcome) => void;
  /** It waits no longer. */
  readonly giveUp: () => void;
}

const unsentBy: Readonly<Partial<Record<PublishOutcome, "bus-down" | "no-queue" | "queue-full">>> =
  {
    unsent: "bus-down",
    unroutable: "no-queue",
    refused: "queue-full",
  };

/** Makes a requester; its reply queue is opened with the first request on each connection. */
export function createRequester(options: RequesterOptions): Requester {
  const { bus, name, pendingMax = 1024 } = options;
  const pending = new Map<string, Pending>();
  let inbox: Promise<Inbox> | undefined;
  const unlisten = bus.onState(({ mode }) => {
    if (mode === "disconnected") inbox = undefined;
  });

  /** The reply queue; forgotten when it could not be opened, or when the broker has ended it. */
  const openInbox = (): Promise<Inbox> => {
    if (inbox !== undefined) return inbox;
    const opening = bus.openInbox({
      name: `${name}.${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`,
      lengthMax: 20_000,
      onMessage({ body }) {
        for (const answer of readAnswers(body)) {
          pending.get(bytesText(answer.commandEventId))?.settle({ case: "answered", answer });
        }
      },
    });
    const forget = (): void => {
      if (inbox === opening) inbox = undefined;
    };
    void opening.then(({ closed }) => closed).then(forget, forget);
    inbox = opening;
    return opening;
  };

  return {
    async request({ to, envelope, eventId, transient = false, timeoutMs }) {
      if (pending.size >= pendingMax) return { case: "unsent", why: "queue-full" };
      const id = bytesText(eventId);
      const { promise, resolve } = Promise.withResolvers<RequestOutcome>();
      // Handed over: by then, and not before, it may be executed.
      let state: "opening" | "handed-over" | "settled" = "opening";
      const settle = (outcome: RequestOutcome): void => {
        state = "settled";
        resolve(outcome);
      };
      const giveUp = (): void =>
        settle(state === "opening" ? { case: "unsent", why: "bus-down" } : { case: "unknown" });
      pending.set(id, { settle, giveUp });
      const timer = setTimeout(giveUp, timeoutMs);
      const send = ({ name: replyTo }: Inbox): void => {
        if (state === "settled") return;
        const place = typeof to === "string" ? { queue: to, routeVersion: 0n } : to();
        if (place === undefined) {
          settle({ case: "unsent", why: "no-route" });
          return;
        }
        const { queue, routeVersion } = place;
        const message = {
          type: "batch.v1",
          body: encodeBatch({ routeVersion, envelopes: [envelope] }),
          messageId: uuidText(eventId),
          replyTo,
          transient,
        } as const;
        state = "handed-over";
        void bus.publish(queue, message).then((outcome) => {
          if ("end" in place) place.end();
          const why = unsentBy[outcome];
          if (why !== undefined) settle({ case: "unsent", why });
        });
      };
      openInbox().then(send).catch(giveUp);
      const outcome = await promise;
      clearTimeout(timer);
      pending.delete(id);
      return outcome;
    },
    close() {
      unlisten();
      void inbox?.then(async (opened) => opened.close()).catch(() => undefined);
      for (const { giveUp } of pending.values()) giveUp();
    },
  };
}

/** None when the message cannot be read: whoever waits hears `unknown`. */
function readAnswers(body: Uint8Array): Answer[] {
  try {
    return splitAnswers(body).map((bytes) => decodeAnswer(bytes));
  } catch {
    return [];
  }
}
