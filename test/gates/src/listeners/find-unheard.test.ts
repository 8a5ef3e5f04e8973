import { describe, expect, it } from "vitest";
import { findUnheard } from "./find-unheard.ts";
import { unheardPlaces } from "./listeners-gate.ts";

const imports = `
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { createServer as createNetServer, connect } from "node:net";
import { Worker } from "node:worker_threads";
import pg from "pg";
import { WebSocketServer } from "ws";
`;
const find = (text: string): string[] => findUnheard(imports + text).map(({ what }) => what);

describe("finds", () => {
  it.each([
    ["a stream that is piped away", "createReadStream(file).pipe(response);"],
    ["one that is given back", "function f() { return connect(1); }"],
    ["one whose first error alone is heard", 'const c = spawn("x"); c.once("error", no);'],
    ["one of a module as a whole", "const client = new pg.Client(); await client.connect();"],
    [
      "one that is heard too late",
      'async function f() { const s = connect(1); await g(); s.on("error", no); }',
    ],
    ["a client that a pool lends", "const client = await this.#pool.connect();"],
    ["a channel", "const channel = await model.createConfirmChannel();"],
    ["a thread kept in a field", "class A { b() { this.#c = new Worker(u); } }"],
    ["one handed to a function that does not listen", "function f(s) {} f(connect(1));"],
    ["the listener of another one", 'const a = connect(1); b.on("error", no);'],
  ])("%s", (_, text) => {
    expect(find(text)).toHaveLength(1);
  });

  it.each([
    ["upgrade", 'server.on("upgrade", (request, socket) => socket.end());'],
    ["connection", 'server.on("connection", (socket) => { socket.on("data", f); });'],
    ["stream", 'session.on("stream", (stream) => { stream.once("close", f); });'],
    ["connection of a server of sockets", 'createNetServer((s) => s.end()).on("error", no);'],
  ])("the emitter of %s", (_, text) => {
    expect(find(text)).toHaveLength(1);
  });
});

it.each([
  ["a chain", 'connect(1).setNoDelay().on("error", no).pipe(there);'],
  ["a variable", 'const s = connect(1);\ns.setNoDelay();\ns.on("close", f).on("error", no);'],
  ["a field", 'class A { b() { this.#c = new Worker(u); this.#c.on("error", no); } }'],
  ["a promise", 'const c = await pool.connect().catch(f); c.on("error", no);'],
  ["a function of the file", 'function f(s) { s.on("error", no); } f(connect(1));'],
  [
    "one after another",
    'function f(s) { g(s); } function g(s) { s.on("error", no); } f(connect(1));',
  ],
  ["what is received", 'server.on("upgrade", (request, socket) => { socket.on("error", no); });'],
  [
    "another function's await",
    'const s = connect(1); const f = async () => { await g(); }; s.on("error", no);',
  ],
  ["what is no emitter of ours", "import { fork } from './own.ts'; fork(1);"],
])("hears %s (control)", (_, text) => {
  expect(find(text)).toEqual([]);
});

it("names the place, and leaves tests alone", () => {
  const text = 'import { connect } from "node:net";\nconnect(1);\n';
  expect(unheardPlaces([{ path: "a/src/b.ts", text }])).toEqual([
    expect.stringMatching(/^a\/src\/b\.ts:2: connect may emit "error"/),
  ]);
  expect(unheardPlaces([{ path: "a/src/b.test.ts", text }])).toEqual([]);
});
