import { ConnectError } from "@connectrpc/connect";
import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { openChannel } from "@hexhold/rpc";
import { Command } from "commander";
import { runningStatus } from "../running-status.ts";
import type { CommandContext } from "./command-context.ts";
import { wholeNumber } from "./whole-number.ts";

const callTimeoutMs = 5000;

/** `hexctl format`: shows the format that the running world is in, and raises it. */
export function formatCommand(context: CommandContext): Command {
  return new Command("format")
    .description(
      "Show the format of the running world, or raise it: from then on its workers emit the events of that format. When every process of the world is of a release that reads it; never lowered.",
    )
    .argument("[number]", "the format that the world is to be in", wholeNumber(1_000_000))
    .action(async (format: number | undefined) => {
      const status = runningStatus(context.dataDir);
      const admin = status?.endpoints.admin;
      if (status === undefined || admin === undefined) {
        throw new Error(`no world runs in ${context.dataDir}: start it first`);
      }
      const channel = openChannel(admin, { token: status.adminToken ?? "", callTimeoutMs });
      try {
        const router = channel.client(AdminService);
        if (format === undefined) {
          const { format: current } = await router.getWorldFormat({});
          console.log(
            current === 0 ? "The world has no format yet." : `The world is in format ${current}.`,
          );
          return;
        }
        const { before } = await router.raiseWorldFormat({ format });
        console.log(
          before === format
            ? `The world is in format ${format} already.`
            : `The world was in format ${before} and is in format ${format} now. Workers know within seconds.`,
        );
      } catch (error) {
        throw new Error(ConnectError.from(error).rawMessage, { cause: error });
      } finally {
        channel.close();
      }
    });
}
