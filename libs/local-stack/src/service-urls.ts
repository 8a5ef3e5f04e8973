import { SERVICE_NAMES, type ServiceName } from "./service-handle.ts";

/** Services given by URL: `HEXHOLD_POSTGRES_URL` and so on. Empty counts as not given. */
export function serviceUrlsFrom(
  env: Readonly<Record<string, string | undefined>>,
): Partial<Record<ServiceName, string>> {
  return Object.fromEntries(
    SERVICE_NAMES.flatMap((name) => {
      const url = env[`HEXHOLD_${name.toUpperCase()}_URL`];
      return url === undefined || url === "" ? [] : [[name, url]];
    }),
  );
}
