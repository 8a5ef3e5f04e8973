/**
 * Finds emitters of `error` without a listener, from the syntax tree of one file.
 *
 * An `error` event without a listener ends the process. A place counts as heard when, in the function that makes
 * or receives the emitter and before the next `await`, `.on("error", …)` is called on it, or it is handed to a
 * function of the same file that does so. `once` does not count: a second error would be unheard.
 */
import { parseAst } from "vitest/node";

export interface Unheard {
  /** `spawn`, `the socket of "upgrade"`, … */
  readonly what: string;
  /** From 1. */
  readonly line: number;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** Calls that make an emitter of `error`, by module. `exec` and `execFile` with a callback listen themselves. */
const makers: Readonly<Record<string, readonly string[]>> = {
  "node:net": ["connect", "createConnection", "createServer", "Socket", "Server"],
  "node:tls": ["connect", "createServer"],
  "node:http": ["createServer", "request", "get"],
  "node:https": ["createServer", "request", "get"],
  "node:http2": ["connect", "createServer", "createSecureServer"],
  "node:fs": ["createReadStream", "createWriteStream", "watch"],
  "node:child_process": ["spawn", "fork"],
  "node:worker_threads": ["Worker"],
  "node:dgram": ["createSocket"],
  ws: ["WebSocket", "WebSocketServer"],
  pg: ["Client", "Pool"],
  ioredis: ["Redis"],
  amqplib: ["connect"],
  // Of a server that it does not know.
  mongodb: ["MongoClient"],
};

/** Methods that make one, by their name and what the name of their object ends with. */
const makingMethods: readonly { readonly method: RegExp; readonly object: RegExp }[] = [
  { method: /^create(Confirm)?Channel$/, object: /./ },
  // The pool listens only while it has the client itself.
  { method: /^connect$/, object: /pool$/i },
  { method: /^request$/, object: /session$/i },
];

/** Events that hand out an emitter, and at which place of the listener's parameters. */
const handingEvents: Readonly<Record<string, number>> = {
  upgrade: 1,
  connection: 0,
  secureConnection: 0,
  session: 0,
  stream: 0,
};

/** Methods that return their object; `catch` a promise of the same. */
const returnThis = new Set([
  "on",
  "once",
  "off",
  "ref",
  "unref",
  "listen",
  "setNoDelay",
  "cork",
  "catch",
]);
const listening = new Set(["on", "addListener", "prependListener"]);
const functions = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "Program",
]);
/** What a value passes through unchanged on its way into a variable. */
const transparent = new Set([
  "AwaitExpression",
  "TSAsExpression",
  "TSNonNullExpression",
  "TSSatisfiesExpression",
  "ParenthesizedExpression",
  "LogicalExpression",
  "ConditionalExpression",
]);

/** Words without which a file has nothing to find: most need not be parsed. */
const worthParsing =
  /node:(net|tls|https?|http2|fs|child_process|worker_threads|dgram)"|"(ws|pg|ioredis|amqplib|mongodb)"|create(Confirm)?Channel|pool\.connect|\.on\(\s*"(upgrade|connection|secureConnection|session|stream)"/i;

export function findUnheard(text: string, lang: "ts" | "tsx" = "ts"): Unheard[] {
  if (!worthParsing.test(text)) return [];
  return new Search(text, parseAst(text, { lang }) as unknown as Node).run();
}

class Search {
  readonly #text: string;
  readonly #program: Node;
  readonly #parents = new Map<Node, Node>();
  /** Local name → what it makes: `createNetServer` → `node:net createServer`; of a whole module, `node:net *`. */
  readonly #imported = new Map<string, string>();
  readonly #named = new Map<string, Node>();

  constructor(text: string, program: Node) {
    this.#text = text;
    this.#program = program;
  }

  run(): Unheard[] {
    const calls: Node[] = [];
    this.#walk(this.#program, (node) => {
      if (node.type === "ImportDeclaration") this.#import(node);
      if (node.type === "FunctionDeclaration") this.#named.set(nameOf(node["id"]), node);
      if (node.type === "CallExpression" || node.type === "NewExpression") calls.push(node);
    });
    return calls.flatMap((call) => {
      const found: Unheard[] = [];
      const line = this.#text.slice(0, call.start).split("\n").length;
      const made = this.#made(call);
      if (made !== undefined && !this.#isResultHeard(call)) found.push({ what: made, line });
      const handed = this.#handed(call, made);
      if (handed !== undefined && !this.#isParameterHeard(handed.listener, handed.place)) {
        found.push({ what: handed.what, line });
      }
      return found;
    });
  }

  #walk(value: unknown, visit: (node: Node) => void, parent?: Node): void {
    if (Array.isArray(value)) {
      for (const item of value) this.#walk(item, visit, parent);
    } else if (isNode(value)) {
      if (parent !== undefined) this.#parents.set(value, parent);
      visit(value);
      for (const child of Object.values(value)) this.#walk(child, visit, value);
    }
  }

  #import(node: Node): void {
    const module = String((node["source"] as Node)["value"]);
    if (makers[module] === undefined || node["importKind"] === "type") return;
    for (const specifier of node["specifiers"] as Node[]) {
      const imported = specifier["imported"];
      const name = imported === undefined ? "*" : nameOf(imported);
      this.#imported.set(nameOf(specifier["local"]), `${module} ${name}`);
    }
  }

  /** What the call makes, if that emits `error`. */
  #made(call: Node): string | undefined {
    const callee = call["callee"] as Node;
    if (callee.type === "Identifier") {
      const [module = "", name = ""] = (this.#imported.get(nameOf(callee)) ?? "").split(" ");
      return makers[module]?.includes(name) === true ? name : undefined;
    }
    if (callee.type !== "MemberExpression") return undefined;
    const object = lastName(callee["object"]);
    const method = nameOf(callee["property"]);
    const [module = "", name] = (this.#imported.get(object) ?? "").split(" ");
    if (name === "*" && makers[module]?.includes(method) === true) return `${object}.${method}`;
    return makingMethods.some((one) => one.method.test(method) && one.object.test(object))
      ? `${object}.${method}`
      : undefined;
  }

  /** The function that the call hands an emitter to. */
  #handed(
    call: Node,
    made: string | undefined,
  ): { listener: Node; place: number; what: string } | undefined {
    const args = call["arguments"] as Node[];
    const callee = call["callee"] as Node;
    if (made === "createServer" && this.#imported.get(nameOf(callee)) === "node:net createServer") {
      const listener = args.at(-1);
      return listener === undefined || listener.type === "ObjectExpression"
        ? undefined
        : { listener, place: 0, what: "the socket of createServer" };
    }
    if (callee.type !== "MemberExpression" || !/^(on|once)$/.test(nameOf(callee["property"]))) {
      return undefined;
    }
    const event = args[0]?.["value"];
    const place = typeof event === "string" ? handingEvents[event] : undefined;
    if (place === undefined || args[1] === undefined) return undefined;
    return { listener: args[1], place, what: `the emitter of "${String(event)}"` };
  }

  #isResultHeard(call: Node): boolean {
    let node = call;
    for (;;) {
      const parent = this.#parents.get(node);
      if (parent === undefined) return false;
      if (transparent.has(parent.type)) {
        node = parent;
      } else if (parent.type === "MemberExpression" && parent["object"] === node) {
        // `make().on("error", …)`, and what returns the same emitter on the way there.
        const chained = this.#parents.get(parent);
        const method = nameOf(parent["property"]);
        if (chained?.type !== "CallExpression" || !returnThis.has(method)) return false;
        if (isListening(chained)) return true;
        node = chained;
      } else if (parent.type === "VariableDeclarator") {
        return this.#isHeard(parent["id"] as Node, node.end);
      } else if (parent.type === "AssignmentExpression") {
        return this.#isHeard(parent["left"] as Node, node.end);
      } else if (parent.type === "CallExpression" || parent.type === "NewExpression") {
        return this.#isArgumentHeard(parent, node);
      } else {
        return false;
      }
    }
  }

  #isArgumentHeard(call: Node, argument: Node): boolean {
    const place = (call["arguments"] as Node[]).indexOf(argument);
    const callee = this.#named.get(nameOf(call["callee"]));
    return place >= 0 && callee !== undefined && this.#isParameterHeard(callee, place);
  }

  #isParameterHeard(listener: Node, place: number, seen = new Set<Node>()): boolean {
    const target = functions.has(listener.type) ? listener : this.#named.get(nameOf(listener));
    if (target === undefined || seen.has(target)) return false;
    seen.add(target);
    const parameter = (target["params"] as Node[])[place];
    // A listener that does not take it leaves it alone; nobody hears it then.
    if (parameter === undefined) return false;
    return this.#isHeard(parameter, (target["body"] as Node).start, target, seen);
  }

  /** Whether `emitter` (a variable, or `this.#socket`) is listened to behind `from` and before an `await`. */
  #isHeard(
    emitter: Node,
    from: number,
    scope: Node = this.#functionOf(emitter),
    seen = new Set<Node>(),
  ): boolean {
    const name = this.#spelling(emitter);
    let firstAwait = Infinity;
    let heardAt = Infinity;
    this.#walk(scope, (node) => {
      if (node.start < from) return;
      if (node.type === "AwaitExpression" && this.#functionOf(node) === scope) {
        firstAwait = Math.min(firstAwait, node.start);
      }
      if (node.type !== "CallExpression") return;
      const isHeardHere =
        (isListening(node) && this.#spelling(rootOf(node)) === name) ||
        this.#isHandedOn(node, name, seen);
      if (isHeardHere) heardAt = Math.min(heardAt, node.start);
    });
    return heardAt < firstAwait;
  }

  /** Handed to a function of this file that listens. */
  #isHandedOn(call: Node, name: string, seen: Set<Node>): boolean {
    const callee = this.#named.get(nameOf(call["callee"]));
    if (callee === undefined) return false;
    const place = (call["arguments"] as Node[]).findIndex((arg) => this.#spelling(arg) === name);
    return place >= 0 && this.#isParameterHeard(callee, place, seen);
  }

  #functionOf(node: Node): Node {
    for (let up = this.#parents.get(node); up !== undefined; up = this.#parents.get(up)) {
      if (functions.has(up.type)) return up;
    }
    return this.#program;
  }

  #spelling(node: Node): string {
    const { start } = node;
    // A parameter or variable with its type: the name alone.
    return node.type === "Identifier" ? nameOf(node) : this.#text.slice(start, node.end);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

function nameOf(value: unknown): string {
  const name = isNode(value) ? value["name"] : undefined;
  return typeof name === "string" ? name : "";
}

/** `pool` of `pool`, `this.#pool` and `options.pool`. */
function lastName(value: unknown): string {
  if (!isNode(value)) return "";
  return value.type === "MemberExpression" ? nameOf(value["property"]) : nameOf(value);
}

/** `x.on("error", …)`. */
function isListening(call: Node): boolean {
  const callee = call["callee"] as Node;
  if (callee.type !== "MemberExpression" || !listening.has(nameOf(callee["property"]))) {
    return false;
  }
  return (call["arguments"] as Node[])[0]?.["value"] === "error";
}

/** `x` of `x.on(…).on(…)`. */
function rootOf(call: Node): Node {
  let node = call;
  while (node.type === "CallExpression" && (node["callee"] as Node).type === "MemberExpression") {
    node = (node["callee"] as Node)["object"] as Node;
  }
  return node;
}
