import { createHash, timingSafeEqual } from "node:crypto";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { Health } from "@hexhold/gen/grpc/health/v1/health_pb";

/** Services that answer without a token: a probe of liveness has none. */
const openServices: ReadonlySet<string> = new Set([Health.typeName]);

/**
 * A gate that lets a call pass when it carries `authorization: Bearer <token>`, and throws
 * UNAUTHENTICATED before the body is read when it does not. Health is open. Digests are compared, in
 * constant time, so that neither the place of a difference nor the length shows.
 */
export function bearerGate(token: string): (context: HandlerContext) => void {
  const expected = digest(`Bearer ${token}`);
  return (context) => {
    if (openServices.has(context.service.typeName)) return;
    const given = digest(context.requestHeader.get("authorization") ?? "");
    if (timingSafeEqual(given, expected)) return;
    throw new ConnectError(
      `${context.service.typeName} needs the header "authorization: Bearer <token>" with the token of this port`,
      Code.Unauthenticated,
    );
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
