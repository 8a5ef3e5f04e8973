/**
 * Connections to PostgreSQL that are open before a slot needs one: what a take-over waits for is the fence,
 * not a handshake.
 */
import { dropConnection, openConnection, type PgClient } from "@hexhold/postgres";

export interface SpareConnections {
  /** An open connection under `applicationName`; `onLost` is called once when it breaks while idle. */
  readonly connect: (applicationName: string, onLost: () => void) => Promise<PgClient>;
  /** Resolves when as many are open as are kept. Rejects when the store cannot be reached. */
  fill(): Promise<void>;
  stop(): void;
}

interface Spare {
  readonly client: PgClient;
  lost: boolean;
  onLost: () => void;
}

/** Keeps up to `count` spare ones; without one a connection is opened as ever. */
export function createSpareConnections(url: string, count: number): SpareConnections {
  const spares: Spare[] = [];
  let opening = 0;
  let stopped = false;

  async function open(): Promise<void> {
    opening++;
    try {
      let spare: Spare | undefined = undefined;
      let lost = false;
      const client = await openConnection({ url, applicationName: "worker-spare" }, () => {
        lost = true;
        if (spare === undefined) return;
        spare.lost = true;
        spare.onLost();
      });
      spare = { client, lost, onLost: () => undefined };
      if (stopped) dropConnection(client);
      else if (!lost) spares.push(spare);
    } finally {
      opening--;
    }
  }

  async function fill(): Promise<void> {
    const missing = stopped ? 0 : count - spares.length - opening;
    await Promise.all(Array.from({ length: Math.max(missing, 0) }, open));
  }

  async function takeSpare(applicationName: string): Promise<Spare | undefined> {
    for (;;) {
      const spare = spares.shift();
      if (spare === undefined) return undefined;
      try {
        if (spare.lost) throw new Error("it was closed");
        // Under its name the session is found when it stands in somebody's way.
        await spare.client.query("SELECT set_config('application_name', $1, false)", [
          applicationName,
        ]);
        return spare;
      } catch {
        dropConnection(spare.client);
      }
    }
  }

  return {
    async connect(applicationName, onLost) {
      const spare = await takeSpare(applicationName);
      void fill().catch(() => undefined);
      if (spare === undefined) return openConnection({ url, applicationName }, onLost);
      spare.onLost = onLost;
      return spare.client;
    },
    fill,
    stop() {
      stopped = true;
      for (const { client } of spares.splice(0)) dropConnection(client);
    },
  };
}
