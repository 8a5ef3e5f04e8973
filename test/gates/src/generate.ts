/** Generates `gen/` from `proto/`; also used by the check that `gen/` is fresh. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
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

/** Prints validate.proto under `root`/.build/proto, where buf.yaml looks for it. */
export function printValidateProto(root: string): void {
  const target = path.join(root, ".build/proto/buf/validate/validate.proto");
  mkdirSync(path.dirname(target), { recursive: true });
  const registry = createRegistry(file_buf_validate_validate);
  writeFileSync(target, printProto(file_buf_validate_validate.proto, registry));
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

/** Copies health and reflection under `root`/.build/proto: generated from, never committed as text. */
export function copyGrpcProtos(root: string): void {
  const { resolve } = createRequire(import.meta.url);
  for (const [name, specifier] of grpcProtos) {
    const target = path.join(root, ".build/proto", name);
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(resolve(specifier), target);
  }
}

/** Writes the generated code into `out` (default: gen/ of the repository). */
export function generate(out?: string): void {
  printValidateProto(repositoryRoot);
  copyGrpcProtos(repositoryRoot);
  runBin("buf", ["generate", ...(out === undefined ? [] : ["--output", out])]);
}
