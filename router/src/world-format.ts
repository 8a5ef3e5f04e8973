/**
 * The format that a world is in: which events its workers may emit. A new world begins with the highest of its first
 * process with a game, unless configuration names one; from then on operators raise it, when everybody reads it.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import type { ControlStore } from "./control-store.ts";
import type { WorldSettingValues } from "./world-settings.ts";

/** A process that reads events of the game. */
export interface FormatReader {
  readonly instance: string;
  /** Highest world format that it reads; 0 = it reads no events of a game. */
  readonly worldFormat: number;
}

export interface WorldFormat {
  /** 0: no process with a game has joined the world yet. */
  readonly current: number;
  /** A process with a game has come: in a world that has no format yet, it is this one's. */
  settle(reads: number): Promise<void>;
  /**
   * Raises the format; one that is there is left alone. Returns the format before. Rejects with a ConnectError, in a
   * sentence, when it would be lowered and when one of `readers` does not read it, with the name of each.
   */
  raise(format: number, readers: readonly FormatReader[]): Promise<number>;
}

export function createWorldFormat(
  store: Pick<ControlStore, "raiseWorldFormat" | "worldSettings">,
  settings: Pick<WorldSettingValues, "worldFormat">,
): WorldFormat {
  let current = settings.worldFormat ?? 0;
  return {
    get current() {
      return current;
    },
    async settle(reads) {
      if (current > 0) return;
      const found = await store.worldSettings(new Map([["world_format", String(reads)]]));
      current = Number(found.get("world_format"));
    },
    async raise(format, readers) {
      const before = current;
      if (before === 0) {
        throw refusal("this world has no format yet: no process with a game has joined it");
      }
      if (format < before) {
        throw refusal(`this world is in format ${before}, and a format is never lowered`);
      }
      const behind = readers.filter(({ worldFormat }) => worldFormat > 0 && worldFormat < format);
      if (behind.length > 0) {
        const names = behind.map(({ instance, worldFormat }) => `${instance} (${worldFormat})`);
        throw refusal(
          `${names.join(", ")} cannot read format ${format}: roll or stop these processes first`,
        );
      }
      if (format > before && !readers.some(({ worldFormat }) => worldFormat >= format)) {
        throw refusal(`no process of this world reads format ${format}`);
      }
      if (format > before) await store.raiseWorldFormat(format);
      current = format;
      return before;
    },
  };
}

function refusal(message: string): ConnectError {
  return new ConnectError(message, Code.FailedPrecondition);
}
