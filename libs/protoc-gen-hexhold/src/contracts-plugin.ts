/**
 * A plugin of protoc: writes `contracts.ts` beside the generated messages of each package that has contract options.
 * What a rule may refuse, what it answers and which events there are thereby becomes types; the options stay the one
 * place where it is said.
 */
import {
  createRegistry,
  type DescExtension,
  type DescFile,
  type DescMessage,
  getExtension,
  hasExtension,
  type Message,
} from "@bufbuild/protobuf";
import { createEcmaScriptPlugin, type GeneratedFile, type Schema } from "@bufbuild/protoplugin";

/** The options as this plugin reads them: by name, from the .proto files that it is given. */
interface Contract {
  readonly type: string;
  readonly durability: number;
  readonly consumers: readonly string[];
  readonly refusals: readonly string[];
  readonly result: string;
  readonly refusalDetail: string;
}

interface ContractOptions {
  readonly contractOf: (message: DescMessage) => Contract | undefined;
  readonly isView: (message: DescMessage) => boolean;
}

const durabilities = ["", "durable", "volatile", "read"];

export const contractsPlugin = createEcmaScriptPlugin({
  name: "protoc-gen-hexhold",
  version: "v1",
  generateTs,
});

function generateTs(schema: Schema): void {
  const options = optionsIn(schema);
  if (options === undefined) return;
  const messages = new Map(
    schema.allFiles.flatMap((file) => file.messages.map((message) => [message.typeName, message])),
  );
  for (const [folder, files] of byFolder(schema.files)) {
    const own = files.flatMap((file) => file.messages);
    if (!own.some((message) => options.contractOf(message) ?? options.isView(message))) continue;
    const file = schema.generateFile(`${folder}/contracts.ts`);
    file.preamble(files[0]!);
    print(file, files, options, (name) => {
      const found = messages.get(name);
      if (found === undefined) throw new Error(`${name} is in none of the files`);
      return found;
    });
  }
}

/** Undefined: no file of these says what a contract is. */
function optionsIn({ allFiles }: Schema): ContractOptions | undefined {
  const registry = createRegistry(...allFiles);
  const contract = registry.getExtension("hexhold.options.v1.contract");
  const view = registry.getExtension("hexhold.options.v1.view");
  if (contract === undefined || view === undefined) return undefined;
  const has = (message: DescMessage, extension: DescExtension): boolean =>
    message.proto.options !== undefined && hasExtension(message.proto.options, extension);
  return {
    contractOf: (message) =>
      has(message, contract)
        ? (getExtension(message.proto.options!, contract) as Message & Contract)
        : undefined,
    isView: (message) => has(message, view),
  };
}

function byFolder(files: readonly DescFile[]): Map<string, DescFile[]> {
  const folders = new Map<string, DescFile[]>();
  for (const file of files.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const folder = file.name.slice(0, file.name.lastIndexOf("/"));
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  return folders;
}

function print(
  file: GeneratedFile,
  files: readonly DescFile[],
  { contractOf, isView }: ContractOptions,
  named: (typeName: string) => DescMessage,
): void {
  const messages = files.flatMap((item) => item.messages);
  const commands = messages.flatMap((message) => {
    const contract = contractOf(message);
    return contract?.type.startsWith("cmd.") === true ? [{ message, contract }] : [];
  });
  const events = messages.flatMap((message) => {
    const contract = contractOf(message);
    return contract?.type.startsWith("evt.") === true ? [{ message, contract }] : [];
  });
  const view = messages.find(isView);
  file.print(file.jsDoc(`Contracts of package ${files[0]!.proto.package}, from their options.`));
  file.print("export const contracts = {");
  file.print("  files: [");
  for (const item of files) file.print("    ", file.importSchema(item), ",");
  file.print("  ],");
  file.print("  commands: {");
  for (const { message, contract } of commands) {
    file.print("    ", file.string(contract.type), ": {");
    file.print("      schema: ", file.importSchema(message), ",");
    file.print("      durability: ", file.string(durabilities[contract.durability] ?? ""), ",");
    file.print("      refusals: ", file.array(contract.refusals.map((r) => file.string(r))), ",");
    if (contract.result !== "") {
      file.print("      result: ", file.importSchema(named(contract.result)), ",");
    }
    if (contract.refusalDetail !== "") {
      file.print("      detail: ", file.importSchema(named(contract.refusalDetail)), ",");
    }
    file.print("    },");
  }
  file.print("  },");
  file.print("  events: {");
  for (const { message, contract } of events) {
    const consumers = file.array(contract.consumers.map((name) => file.string(name)));
    const schema = file.importSchema(message);
    file.print(
      "    ",
      file.string(contract.type),
      ": { schema: ",
      schema,
      ", consumers: ",
      consumers,
      " },",
    );
  }
  file.print("  },");
  file.print("  view: ", view === undefined ? "undefined" : file.importSchema(view), ",");
  file.print("} as const;");
}
