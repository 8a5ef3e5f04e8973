/** Calls of AuthService from pages of other origins, as far as they are allowed. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { cors } from "@connectrpc/connect";

/** Browsers ask again after so long; none of them remembers for longer. */
const maxAgeS = 7200;

/**
 * Says what a page of the request's origin may do with the answer. Returns true when the request was only the
 * question (a preflight), which is answered.
 */
export function answerCors(
  request: IncomingMessage,
  response: ServerResponse,
  isAllowedOrigin: (origin: string) => boolean,
): boolean {
  const { origin } = request.headers;
  if (origin === undefined) return false;
  response.setHeader("vary", "origin");
  const isPreflight =
    request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined;
  if (isAllowedOrigin(origin)) {
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader(
      "access-control-expose-headers",
      [...cors.exposedHeaders, "Retry-After"].join(", "),
    );
    if (isPreflight) {
      response.setHeader("access-control-allow-methods", "POST");
      response.setHeader("access-control-allow-headers", cors.allowedHeaders.join(", "));
      response.setHeader("access-control-max-age", maxAgeS);
    }
  }
  if (isPreflight) response.writeHead(204).end();
  return isPreflight;
}
