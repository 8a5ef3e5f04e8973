/** HTTP of a gateway: accounts, the page, `GET /healthz` and `GET /readyz`, and the upgrade to WebSocket. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { defaultTurnLimits, readiness, serveInTurn } from "@hexhold/rpc";
import { answerCors } from "./cors.ts";
import { createStaticFiles } from "./static-files.ts";

export interface HttpOptions {
  /** Serves a request and returns true, or leaves it alone. */
  readonly rpc: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Whether pages of another origin may call it. */
  readonly isAllowedOrigin: (origin: string) => boolean;
  readonly webRoot: string | undefined;
  /** What it lacks to serve, in words; empty = ready. */
  readonly missing: () => readonly string[];
  /** A connection whose peer takes nothing of an answer for so long is cut off. Default 30 s. */
  readonly responseStallMs?: number;
}

/** A connection has one request in hand; `serveInTurn` says what happens to more, and to answers nobody reads. */
export function createHttpServer(options: HttpOptions): Server {
  const { webRoot, responseStallMs = defaultTurnLimits.responseStallMs } = options;
  const sendFile = webRoot === undefined ? sendLine : createStaticFiles(webRoot);
  const server = createServer({ connectionsCheckingInterval: 1000 });
  serveInTurn(server, { ...defaultTurnLimits, responseStallMs }, (request, response) =>
    answer(request, response, options, sendFile),
  );
  // An accept that fails, say for want of descriptors, is over with that one peer.
  server.on("error", () => undefined);
  server.headersTimeout = 5000;
  server.requestTimeout = 10_000;
  return server;
}

type SendFile = (request: IncomingMessage, response: ServerResponse, pathname: string) => void;

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpOptions,
  sendFile: SendFile,
): void {
  if (answerCors(request, response, options.isAllowedOrigin)) return;
  if (options.rpc(request, response)) return;
  const url = URL.parse(request.url ?? "/", "http://gateway");
  if (url === null) {
    plain(response, 400, "the path is malformed");
  } else if (request.method !== "GET" && request.method !== "HEAD") {
    plain(response, 405, "only GET is served here");
  } else if (url.pathname === "/healthz") {
    plain(response, 200, "ok");
  } else if (url.pathname === "/readyz") {
    const { status, text } = readiness(options.missing());
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(text);
  } else {
    sendFile(request, response, url.pathname);
  }
}

/** Where there is no page. */
function sendLine(_request: IncomingMessage, response: ServerResponse, pathname: string): void {
  const status = pathname === "/" ? 200 : 404;
  plain(response, status, "Hexhold gateway: connect with WebSocket, subprotocol hexhold.v1");
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(`${text}\n`);
}

/** Listens on `port`, or on the next free one; 0 = any. Resolves with the port. */
export async function listen(server: Server, host: string, port: number): Promise<number> {
  const last = port === 0 ? 0 : Math.min(port + 100, 65_535);
  for (let candidate = port; ; candidate++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(candidate, host, () => {
          server.removeListener("error", reject);
          resolve();
        });
      });
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : candidate;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || candidate >= last) throw error;
    }
  }
}
