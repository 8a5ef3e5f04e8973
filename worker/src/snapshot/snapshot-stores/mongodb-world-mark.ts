/** Whose the documents of a MongoDB are: the one document of its collection `world` names the world. */
import { type Collection, MongoServerError } from "mongodb";
import { ForeignSnapshotsError } from "../snapshot-store.ts";

export interface WorldMark {
  /** Compares now, and before each operation after {@link forget}. Rejects with ForeignSnapshotsError, or the driver's errors. */
  claim(worldId: string): Promise<void>;
  /** Compares again, if it has to. */
  compare(): Promise<void>;
  /** The server was away. */
  forget(): void;
}

const markId = "world";
const duplicateKey = 11_000;

export function createWorldMark(marks: Collection<{ _id: string; world_id: string }>): WorldMark {
  let ours: string | undefined;
  let isCompared = false;
  async function compare(): Promise<void> {
    if (ours === undefined || isCompared) return;
    const found = (await marks.findOne({ _id: markId })) ?? (await put(ours));
    if (found.world_id !== ours) throw new ForeignSnapshotsError(found.world_id, ours);
    isCompared = true;
  }
  /** Resolves with the mark that is there afterwards: another worker may have been first. */
  async function put(worldId: string): Promise<{ readonly world_id: string }> {
    try {
      await marks.insertOne({ _id: markId, world_id: worldId });
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== duplicateKey) throw error;
    }
    return (await marks.findOne({ _id: markId })) ?? { world_id: worldId };
  }
  return {
    claim(worldId) {
      ours = worldId;
      isCompared = false;
      return compare();
    },
    compare,
    forget() {
      isCompared = false;
    },
  };
}
