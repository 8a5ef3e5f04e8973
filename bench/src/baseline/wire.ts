/** The baseline's bytes: records of a fixed size, one after another. No protobuf, no logic. */

/** A command: partition (1), hex (8), id (16), filling. */
export const commandBytes = 200;
/** What is stored of it. */
export const eventBytes = 300;
export const at = { partition: 0, hex: 1, id: 9 } as const;
export const idBytes = 16;
export const partitions = 8;

export function queueName(partition: number): string {
  return `bench.p${partition}`;
}
