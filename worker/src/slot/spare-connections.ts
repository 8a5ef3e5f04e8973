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

/** Another is opened in its place so long after one was taken: what was taken over needs the processor now. */
const refillAfterMs = 1000;

/**
 * Keeps up to `count` spare ones; without one a connection is opened as ever.
 * @param warm what a connection runs once before it counts as spare: the first statement of a kind costs a session
 *   a look into the catalog and a plan.
 */
export function createSpareConnections(
  url: string,
  count: number,
  warm: (client: PgClient) => Promise<void> = () => Promise.resolve(),
): SpareConnections {
  const spares: Spare[] = [];
  let opening = 0;
  let stopped = false;
  let refill: NodeJS.Timeout | undefined;

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
      try {
        await warm(client);
      } catch (error) {
        dropConnection(client);
        throw error;
      }
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
      clearTimeout(refill);
      refill = setTimeout(() => void fill().catch(() => undefined), refillAfterMs).unref();
      if (spare === undefined) return openConnection({ url, applicationName }, onLost);
      spare.onLost = onLost;
      return spare.client;
    },
    fill,
    stop() {
      stopped = true;
      clearTimeout(refill);
      for (const { client } of spares.splice(0)) dropConnection(client);
    },
  };
}
