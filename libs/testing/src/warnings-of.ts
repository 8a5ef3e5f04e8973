import { AdminService, type Warning } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { openChannel } from "@hexhold/rpc";
import type { World } from "./start-world.ts";

/** What the admin API says that operators should know. */
export async function warningsOf(world: World): Promise<readonly Warning[]> {
  const { endpoints, adminToken } = world.status();
  const channel = openChannel(endpoints.admin, { token: adminToken, callTimeoutMs: 5000 });
  try {
    return (await channel.client(AdminService).listWarnings({})).warnings;
  } finally {
    channel.close();
  }
}
