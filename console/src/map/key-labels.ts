/** What stands on the keys that walk: the layout of the keyboard says so where the browser tells it. */
import { signal } from "@preact/signals";
import { type WayKey, wayKeys } from "./directions.ts";

interface KeyboardLayout {
  readonly keyboard?: { getLayoutMap(): Promise<ReadonlyMap<string, string>> };
}

/** As on a keyboard of the United States. */
const letters = Object.fromEntries(wayKeys.map((key) => [key, key.slice(-1)])) as Record<
  WayKey,
  string
>;

export const keyLabels = signal<Readonly<Record<WayKey, string>>>(letters);

/** Never rejects. */
export async function readKeyLabels(): Promise<void> {
  try {
    const layout = await (navigator as KeyboardLayout).keyboard?.getLayoutMap();
    if (layout === undefined) return;
    keyLabels.value = Object.fromEntries(
      wayKeys.map((key) => [key, (layout.get(key) ?? letters[key]).toUpperCase()]),
    ) as Record<WayKey, string>;
  } catch {
    // A frame without the permission: the letters stand.
  }
}
