/** Closed-loop load over a fixed number of sockets: each answer is followed by the next command. */

import { setTimeout as pause } from "node:timers/promises";
import { WebSocket } from "ws";

export interface LoadTarget {
  readonly url: (socket: number) => string;
  readonly subprotocol?: string;
  /** Frames to send after opening; the socket is ready when `isReady` has seen an answer to them. */
  readonly opening?: (socket: number) => Uint8Array[];
  readonly isReady?: (frame: Uint8Array) => boolean;
  /** A command with number `seq`, made for the `socket`. */
  readonly command: (socket: number, seq: number) => Uint8Array;
  /** Number of the command that a frame answers, −1 = it answers none. Throws on an answer that is no success. */
  readonly answered: (frame: Uint8Array) => number;
}

export interface LoadResult {
  readonly outstanding: number;
  readonly seconds: number;
  readonly commands: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Frames that answered no command: events seen by subscribers. */
  readonly otherFrames: number;
}

export interface LoadSockets {
  run(outstanding: number, warmUpMs: number, measuredMs: number): Promise<LoadResult>;
  /** Sends `count` commands, numbers from 0 on, `outstanding` at a time; resolves when all are answered. */
  each(count: number, outstanding: number): Promise<LoadResult>;
  close(): void;
}

export async function openLoad(target: LoadTarget, sockets: number): Promise<LoadSockets> {
  let onFrame: (socket: number, frame: Uint8Array) => void = () => undefined;
  const opened = await Promise.all(
    Array.from({ length: sockets }, (_, i) => openSocket(target, i, (f) => onFrame(i, f))),
  );
  let seq = 0;
  return {
    async run(outstanding, warmUpMs, measuredMs) {
      const sentMs = new Map<number, number>();
      const latencies: number[] = [];
      let otherFrames = 0;
      let sending = true;
      let measuring = false;
      let drained = (): void => undefined;
      const send = (socket: number): void => {
        const number = seq++;
        sentMs.set(number, performance.now());
        opened[socket]!.send(target.command(socket, number));
      };
      onFrame = (socket, frame) => {
        const number = target.answered(frame);
        if (number < 0) {
          if (measuring) otherFrames++;
          return;
        }
        const sent = sentMs.get(number);
        if (sent === undefined) return;
        sentMs.delete(number);
        if (measuring) latencies.push(performance.now() - sent);
        if (sending) send(socket);
        else if (sentMs.size === 0) drained();
      };
      for (let i = 0; i < outstanding; i++) send(i % sockets);
      await pause(warmUpMs);
      measuring = true;
      const startMs = performance.now();
      await pause(measuredMs);
      measuring = false;
      const seconds = (performance.now() - startMs) / 1000;
      sending = false;
      await Promise.race([
        new Promise<void>((resolve) => {
          drained = resolve;
          if (sentMs.size === 0) resolve();
        }),
        pause(10_000),
      ]);
      return resultOf(outstanding, seconds, latencies, otherFrames);
    },
    each(count, outstanding) {
      const sentMs = new Map<number, number>();
      const latencies: number[] = [];
      const startMs = performance.now();
      let next = 0;
      const send = (socket: number): void => {
        if (next >= count) return;
        sentMs.set(next, performance.now());
        opened[socket]!.send(target.command(socket, next++));
      };
      return new Promise((resolve) => {
        onFrame = (socket, frame) => {
          const number = target.answered(frame);
          const sent = sentMs.get(number);
          if (sent === undefined) return;
          sentMs.delete(number);
          latencies.push(performance.now() - sent);
          send(socket);
          if (latencies.length < count) return;
          resolve(resultOf(outstanding, (performance.now() - startMs) / 1000, latencies, 0));
        };
        for (let i = 0; i < outstanding; i++) send(i % sockets);
      });
    },
    close() {
      for (const socket of opened) socket.close();
    },
  };
}

export function resultOf(
  outstanding: number,
  seconds: number,
  latencies: number[],
  otherFrames: number,
): LoadResult {
  latencies.sort((x, y) => x - y);
  const at = (share: number): number =>
    latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
  return {
    outstanding,
    seconds,
    commands: latencies.length,
    perSecond: latencies.length / seconds,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    otherFrames,
  };
}

function openSocket(
  target: LoadTarget,
  index: number,
  onFrame: (frame: Uint8Array) => void,
): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const protocols = target.subprotocol === undefined ? [] : [target.subprotocol];
    // Of `ws`: the load should cost less than what it measures, and the built-in client does not.
    const socket = new WebSocket(target.url(index), protocols, { perMessageDeflate: false });
    let ready = target.isReady === undefined;
    socket.on("open", () => {
      for (const frame of target.opening?.(index) ?? []) socket.send(frame);
      if (ready) resolve(socket);
    });
    socket.on("message", (frame: Buffer) => {
      if (!ready && target.isReady?.(frame) === true) {
        ready = true;
        resolve(socket);
      }
      onFrame(frame);
    });
    socket.on("error", () => reject(new Error(`socket ${index} cannot be opened`)));
    socket.on("close", (code, reason) => {
      if (!ready) reject(new Error(`socket ${index} was closed: ${code} ${reason.toString()}`));
    });
  });
}
