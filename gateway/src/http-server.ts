/** HTTP of a gateway: accounts, the page, `GET /healthz`, and the upgrade to WebSocket. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import path from "node:path";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".map": "application/json",
  ".png": "image/png",
};

/** Nothing but this gateway itself: the page needs no other host. */
const contentPolicy =
  "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; style-src 'self' 'unsafe-inline'";

export interface HttpOptions {
  /** Serves a request and returns true, or leaves it alone. */
  readonly rpc: (request: IncomingMessage, response: ServerResponse) => boolean;
  readonly webRoot: string | undefined;
  readonly isHealthy: () => boolean;
}

export function createHttpServer(options: HttpOptions): Server {
  const server = createServer((request, response) => {
    void answer(request, response, options).catch(() => response.destroy());
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  return server;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpOptions,
): Promise<void> {
  if (options.rpc(request, response)) return;
  const { pathname } = new URL(request.url ?? "/", "http://gateway");
  if (request.method !== "GET" && request.method !== "HEAD") {
    plain(response, 405, "only GET is served here");
  } else if (pathname === "/healthz") {
    const healthy = options.isHealthy();
    plain(response, healthy ? 200 : 503, healthy ? "ok" : "not ready");
  } else {
    await sendFile(response, pathname, options.webRoot, request.method === "HEAD");
  }
}

async function sendFile(
  response: ServerResponse,
  pathname: string,
  webRoot: string | undefined,
  headOnly: boolean,
): Promise<void> {
  if (webRoot === undefined) {
    plain(
      response,
      pathname === "/" ? 200 : 404,
      "Hexhold gateway: connect with WebSocket, subprotocol hexhold.v1",
    );
    return;
  }
  const relative = pathname === "/" ? "index.html" : decodeURIComponent(pathname).slice(1);
  const file = path.resolve(webRoot, relative);
  const inside = file.startsWith(`${path.resolve(webRoot)}${path.sep}`);
  const found = inside ? await stat(file).catch(() => undefined) : undefined;
  if (found?.isFile() !== true) {
    plain(response, 404, "there is nothing here");
    return;
  }
  response.writeHead(200, {
    "content-type": types[path.extname(file)] ?? "application/octet-stream",
    "content-length": found.size,
    "content-security-policy": contentPolicy,
    "x-content-type-options": "nosniff",
    "cache-control": relative === "index.html" ? "no-cache" : "public, max-age=31536000, immutable",
  });
  if (headOnly) response.end();
  else createReadStream(file).pipe(response);
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
