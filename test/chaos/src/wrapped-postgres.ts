/** A PostgreSQL of this machine that does something before it begins. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { systemPostgres } from "@hexhold/local-stack";

/**
 * Writes programs into `bin`, which is made and may be read by all, and returns a PATH on which they come first.
 * @param before lines of a shell that the server runs before it begins; initdb is as it was.
 */
export function wrapPostgres(bin: string, before: readonly string[]): string {
  const found = systemPostgres();
  if ("notHere" in found) throw new Error(found.notHere);
  mkdirSync(bin, { recursive: true });
  chmodSync(bin, 0o755);
  for (const [name, lines] of [
    ["initdb", []],
    ["postgres", before],
  ] as const) {
    const script = ["#!/bin/sh", ...lines, `exec ${found.bin}/${name} "$@"`, ""].join("\n");
    writeFileSync(path.join(bin, name), script);
    chmodSync(path.join(bin, name), 0o755);
  }
  return `${bin}:${process.env["PATH"] ?? ""}`;
}
