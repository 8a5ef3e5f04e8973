import { join } from "node:path";
import { notHere, type NotHere } from "./resolution.ts";
import type { StartContext } from "./start-context.ts";

/** Longer and the start of everything else waits for a host that may be closed. */
const DOWNLOAD_TIMEOUT_MS = 20_000;

/** A mongod fetched by `mongodb-memory-server-core`, where its host answers; kept in `.data/bin`. */
export async function downloadMongod(context: StartContext): Promise<string | NotHere> {
  context.report("working", "downloading mongod");
  const { MongoBinary } = await import("mongodb-memory-server-core");
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<NotHere>((resolve) => {
    timer = setTimeout(
      () => resolve(notHere(`no download within ${DOWNLOAD_TIMEOUT_MS / 1_000} s`)),
      DOWNLOAD_TIMEOUT_MS,
    );
  });
  try {
    const download = MongoBinary.getPath({ downloadDir: join(context.dataDir.path, "bin") });
    // When the time-out wins, it goes on and fails where nobody waits for it any more.
    download.catch(() => undefined);
    return await Promise.race([download, timeout]);
  } catch (error) {
    return notHere(`download failed: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    clearTimeout(timer);
  }
}
