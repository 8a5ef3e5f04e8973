/** The page's files: ranges, conditional requests and caching by `send`, compressed ahead by whoever built them. */
import type { IncomingMessage, ServerResponse } from "node:http";
import path from "node:path";
import { isThere } from "@hexhold/config";
import send from "send";

/** Nothing but this gateway itself: the page needs no other host. */
const contentPolicy =
  "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; style-src 'self' 'unsafe-inline'";
/** What a file compressed ahead is named, by its content coding; the smaller one first. */
const codings = [
  { coding: "br", ending: ".br" },
  { coding: "gzip", ending: ".gz" },
] as const;
/** Types that have a compressed twin; `send` would name the twin's. */
const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".map": "application/json",
};
/** Vite puts a hash of the content into these names. */
const hashed = /^\/assets\//;

/**
 * Serves GET and HEAD of the files under `root`; 404 where there is none. Names of `assets/` are kept for a year,
 * others are asked for again each time (304 while they are the same). A peer that goes away leaves no descriptor.
 */
export function createStaticFiles(
  root: string,
): (request: IncomingMessage, response: ServerResponse, pathname: string) => void {
  const folder = path.resolve(root);
  return (request, response, pathname) => {
    const name = pathname === "/" ? "/index.html" : pathname;
    response.setHeader("content-security-policy", contentPolicy);
    response.setHeader("x-content-type-options", "nosniff");
    response.setHeader(
      "cache-control",
      hashed.test(name) ? "public, max-age=31536000, immutable" : "no-cache",
    );
    const type = types[path.extname(name)];
    const twin = type === undefined ? undefined : twinOf(folder, name, request);
    if (type !== undefined) response.setHeader("content-type", type);
    if (twin !== undefined) response.setHeader("content-encoding", twin.coding);
    response.setHeader("vary", "accept-encoding");
    send(request, `${name}${twin?.ending ?? ""}`, {
      root: folder,
      index: false,
      cacheControl: false,
    })
      .on("error", ({ status = 404 }: { status?: number }) => fail(response, status))
      .on("directory", () => fail(response, 404))
      .pipe(response);
  };
}

/** The twin that the client takes; a part of a file is a part of the file itself. */
function twinOf(folder: string, name: string, request: IncomingMessage) {
  if (request.headers.range !== undefined) return undefined;
  const accepted = acceptedCodings(request.headers["accept-encoding"] ?? "");
  return codings.find(({ coding, ending }) => {
    if (!accepted.has(coding)) return false;
    const file = path.join(folder, decoded(`${name}${ending}`));
    return file.startsWith(`${folder}${path.sep}`) && isTwinThere(file);
  });
}

/** One that cannot be looked for is gone without: the file itself is served. */
function isTwinThere(file: string): boolean {
  try {
    return isThere(file);
  } catch {
    return false;
  }
}

function acceptedCodings(header: string): Set<string> {
  return new Set(
    header.split(",").flatMap((item) => {
      const [coding = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
      return parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)) ? [] : [coding];
    }),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/** Everything that was said of a file that is not sent does not hold for the error. */
function fail(response: ServerResponse, status: number): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const name of ["content-encoding", "cache-control", "etag", "last-modified", "vary"]) {
    response.removeHeader(name);
  }
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(status === 404 ? "there is nothing here\n" : `status ${status}\n`);
}
