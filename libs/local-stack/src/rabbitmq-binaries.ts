import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { installPackages } from "./apt.ts";
import { findBinary, isExecutable, versionedFolders } from "./find-binary.ts";
import { findContainerEngine } from "./container.ts";
import { notHere, resolveFirst, type NotHere } from "./resolution.ts";
import type { StartContext } from "./start-context.ts";

export interface RabbitmqBinaries {
  /** The start script. */
  readonly server: string;
  readonly epmd: string;
  readonly origin: string;
}

/** What to do where no source has it. */
export const rabbitmqAdvice =
  "Install RabbitMQ 3.10 or newer (Debian, Ubuntu: apt-get install rabbitmq-server; " +
  "macOS: brew install rabbitmq), or set HEXHOLD_RABBITMQ_URL.";

export function findRabbitmq(
  context: StartContext,
): Promise<RabbitmqBinaries | { readonly engine: string }> {
  return resolveFirst<RabbitmqBinaries | { readonly engine: string }>(
    "RabbitMQ",
    [
      { source: "system", attempt: () => Promise.resolve(systemRabbitmq()) },
      { source: "container", attempt: findContainerEngine },
      {
        source: "apt",
        async attempt() {
          context.report("working", "installing rabbitmq-server");
          const result = await installPackages(["rabbitmq-server"], context.install);
          return result === "installed" ? systemRabbitmq() : result;
        },
      },
    ],
    rabbitmqAdvice,
    context,
  );
}

/** Of this machine. */
export function systemRabbitmq(): RabbitmqBinaries | NotHere {
  const server = findServerScript();
  if (server === undefined) {
    return notHere("no rabbitmq-server on PATH or in /usr/lib/rabbitmq");
  }
  const erl = findBinary("erl", ["/usr/lib/erlang/bin", "/opt/homebrew/bin"]);
  const epmd = findBinary("epmd", [
    ...(erl === undefined ? [] : [dirname(realpathSync(erl))]),
    ...versionedFolders("/usr/lib/erlang", "bin"),
    "/usr/lib/erlang/bin",
  ]);
  if (epmd === undefined) {
    return notHere(`${server} is there, but no epmd (it comes with Erlang)`);
  }
  return { server, epmd, origin: `system ${server}` };
}

/**
 * Debian's `/usr/sbin/rabbitmq-server` is a wrapper that changes to the user `rabbitmq` and
 * to its home: the script behind it is the one to use.
 */
function findServerScript(): string | undefined {
  const folders = [
    "/usr/lib/rabbitmq/bin",
    ...versionedFolders("/usr/lib/rabbitmq/lib", "sbin"),
    "/opt/rabbitmq/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
  ];
  const known = folders
    .map((folder) => join(folder, "rabbitmq-server"))
    .find((file) => isExecutable(file));
  if (known !== undefined) {
    return known;
  }
  const onPath = findBinary("rabbitmq-server");
  return onPath === undefined || basename(realpathSync(onPath)) === "rabbitmq-script-wrapper"
    ? undefined
    : onPath;
}
