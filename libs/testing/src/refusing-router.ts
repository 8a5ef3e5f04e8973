import { Code, ConnectError } from "@connectrpc/connect";
import { ControlService } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { openMemoryChannel, type RpcChannel } from "@hexhold/rpc";

/** The channel to a router that takes nobody, for good. @param why what it says */
export function refusingRouter(why: string): RpcChannel {
  return openMemoryChannel((router) => {
    router.service(ControlService, {
      register() {
        throw new ConnectError(why, Code.FailedPrecondition);
      },
    });
  });
}
