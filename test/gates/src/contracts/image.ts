/** Contracts as descriptors: what buf makes of `proto/`, and what was frozen. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { runProgram } from "../run-program.ts";

/** The frozen image in the repository. Written by `npm run freeze` and by nothing else. */
export const frozenImage = "test/gates/frozen/contracts.binpb";

/** Builds the image of `root`/proto. Comments and positions are left out: they are no contract. */
export async function buildImage(root: string): Promise<Uint8Array> {
  const folder = mkdtempSync(path.join(tmpdir(), "hexhold-image-"));
  const file = path.join(folder, "image.binpb");
  try {
    const { ok, output } = await runProgram(
      "buf",
      ["build", "--exclude-source-info", "--path", "proto/hexhold", "-o", file],
      { cwd: root },
    );
    if (!ok) throw new Error(`buf build: ${output}`);
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function parseImage(bytes: Uint8Array): FileRegistry {
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
}

/** The frozen image; undefined before the first freeze. */
export function readFrozen(root: string): Uint8Array | undefined {
  const file = path.join(root, frozenImage);
  return existsSync(file) ? readFileSync(file) : undefined;
}
