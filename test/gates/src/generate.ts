/** Generates `gen/` from `proto/`; also used by the check that `gen/` is fresh. */
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { createRegistry } from "@bufbuild/protobuf";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printProto } from "./print-proto.ts";

/** Root of the repository. */
export const repositoryRoot = path.resolve(import.meta.dirname, "../../..");

/** Runs a program of `node_modules/.bin` in `cwd`; returns its standard output. Throws with both outputs. */
export function runBin(name: string, args: readonly string[], cwd = repositoryRoot): string {
  const bin = path.join(repositoryRoot, "node_modules/.bin");
  return execFileSync(path.join(bin, name), [...args], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, PATH: `${bin}:${process.env["PATH"] ?? ""}` },
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1024 * 1024,
  });
}

/** Text of buf/validate/validate.proto, printed from the descriptor that protovalidate carries. */
export function validateProtoText(): string {
  const registry = createRegistry(file_buf_validate_validate);
  return printProto(file_buf_validate_validate.proto, registry);
}

/** gRPC's own services, from the packages that carry their text: path for buf → module specifier. */
const grpcProtos: readonly (readonly [string, string])[] = [
  ["grpc/health/v1/health.proto", "grpc-health-check/proto/health/v1/health.proto"],
  [
    "grpc/reflection/v1/reflection.proto",
    "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto",
  ],
  [
    "grpc/reflection/v1alpha/reflection.proto",
    "@grpc/reflection/build/proto/grpc/reflection/v1alpha/reflection.proto",
  ],
];

/**
 * Puts what our own files import, and what else is generated from, under `root`/.build/proto, where buf.yaml
 * looks for it: never committed as text. A file that is right already is left alone, so that a buf that runs
 * at the same time never sees half of one.
 */
export function prepareProtos(root: string): void {
  const { resolve } = createRequire(import.meta.url);
  place(root, "buf/validate/validate.proto", validateProtoText());
  for (const [name, specifier] of grpcProtos) {
    place(root, name, readFileSync(resolve(specifier), "utf8"));
  }
}

function place(root: string, name: string, text: string): void {
  const target = path.join(root, ".build/proto", name);
  if (existsSync(target) && readFileSync(target, "utf8") === text) return;
  mkdirSync(path.dirname(target), { recursive: true });
  const draft = `${target}.${process.pid}`;
  writeFileSync(draft, text);
  renameSync(draft, target);
}

/** Writes the generated code: gen/ of the repository, and gen/ of every game that has messages of its own. */
export function generate(): void {
  prepareProtos(repositoryRoot);
  runBin("buf", ["generate"]);
  for (const folder of foldersOfGames(repositoryRoot)) {
    generateGame(folder, path.join(repositoryRoot, folder, "gen"));
  }
}

/** Folders of games that have messages of their own, beside a package.json: `games/<name>`, `examples/<name>`. */
export function foldersOfGames(root: string): string[] {
  return ["games", "examples"].flatMap((parent) =>
    readdirSync(path.join(root, parent), { withFileTypes: true })
      .map(({ name }) => `${parent}/${name}`)
      .filter((folder) => existsSync(path.join(root, folder, "proto"))),
  );
}

/**
 * Generates the messages in `folder`/proto into `target`. They may import the platform's, whose generated code is
 * `@hexhold/gen`. Throws what buf said.
 */
export function generateGame(folder: string, target: string): void {
  const workspace = mkdtempSync(path.join(tmpdir(), "hexhold-game-"));
  try {
    for (const [name, source] of [
      ["platform", "proto"],
      ["validate", ".build/proto"],
      ["game", `${folder}/proto`],
    ] as const) {
      cpSync(path.join(repositoryRoot, source), path.join(workspace, name), { recursive: true });
    }
    const modules = ["platform", "validate", "game"].map((name) => ({ path: name }));
    writeFileSync(path.join(workspace, "buf.yaml"), JSON.stringify({ version: "v2", modules }));
    const common = ["target=ts", "import_extension=ts", "map_imports=hexhold/:@hexhold/gen"];
    const es = ["erasable_syntax=true", "map_imports=buf/validate/:@bufbuild/protovalidate/gen"];
    const plugins = [
      { local: "protoc-gen-es", opt: [...common, ...es] },
      { local: ["node", path.join(repositoryRoot, contractsPlugin)], opt: common },
    ].map((plugin) => ({ ...plugin, out: target }));
    const template = JSON.stringify({ version: "v2", plugins, inputs: [{ directory: "game" }] });
    runBin("buf", ["generate", "--template", template], workspace);
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
}

const contractsPlugin = "libs/protoc-gen-hexhold/src/main.ts";
