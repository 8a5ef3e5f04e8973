import { readFileSync } from "node:fs";

const manifest = new URL("../../../package.json", import.meta.url);

/** Version of the software: that of the repository's package.json, which is released as a whole. */
export const releaseVersion = (JSON.parse(readFileSync(manifest, "utf8")) as { version: string })
  .version;
