import path from "node:path";
import type { Gate } from "../gate.ts";
import { readSources, type SourceFile } from "../source-tree.ts";

const endings = [".ts", ".tsx", ".mjs", ".sql", ".proto", ".yaml", ".css", ".html", ".md", ".tla"];

/** Comments and documents cite nothing that a reader of the repository does not have. */
export const citationsGate: Gate = {
  name: "citations",
  run: (root) => Promise.resolve({ failures: brokenCitations(readSources(root, endings)) }),
};

/**
 * Citations that lead nowhere: a document (`.md`, `.tla`) that is neither beside the citing file, nor at the root, nor
 * in `docs/`; a decision (`ADR 7`) without its file; a section sign, which no document here has; an architecture
 * other than ARCHITECTURE.md. What is behind a host name is somebody else's.
 * @param sources everything that may cite, the documents included. @returns `path:line: what`, one for each.
 */
export function brokenCitations(sources: readonly SourceFile[]): string[] {
  const documents = new Set(sources.map((file) => file.path));
  const decisions = new Set(
    sources.flatMap((file) => /^docs\/adr\/0*(\d+)-/.exec(file.path)?.[1] ?? []),
  );
  const isThere = (cited: string, from: string): boolean =>
    [path.posix.dirname(from), "", "docs"].some((folder) =>
      documents.has(path.posix.join(folder, cited)),
    );
  return sources.flatMap((file) =>
    file.text.split("\n").flatMap((line, index) => {
      const found: string[] = [];
      const text = line.replaceAll(/\w+:\/\/\S+/g, "");
      for (const [cited] of text.matchAll(/(?<![\w*])[\w./-]+\.(?:md|tla)\b/g)) {
        if (!isThere(cited, file.path)) found.push(`${cited}: there is no such document`);
      }
      for (const [, number = ""] of text.matchAll(/\bADR (\d+)/g)) {
        if (!decisions.has(number)) found.push(`ADR ${number}: not in docs/adr/`);
      }
      if (text.includes("\u00a7")) found.push("a section sign: name the document and its heading");
      if (/\b[Tt]he architecture\b|\bArchitecture:/.test(text)) {
        found.push("an architecture that is no document: cite ARCHITECTURE.md, or say it here");
      }
      return found.map((what) => `${file.path}:${index + 1}: ${what}`);
    }),
  );
}
