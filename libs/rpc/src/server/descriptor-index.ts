import {
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** What reflection looks up, built once from the services that a server offers. */
export interface DescriptorIndex {
  /** Full names, sorted. */
  readonly services: readonly string[];
  /** The file of that name and every file it imports, as FileDescriptorProto bytes. */
  fileByName(name: string): readonly Uint8Array[] | undefined;
  /** The same for the file that declares a message, field, oneof, enum, value, service, method or extension. */
  fileBySymbol(symbol: string): readonly Uint8Array[] | undefined;
  fileByExtension(extendee: string, number: number): readonly Uint8Array[] | undefined;
  /** Undefined when no such message is known. */
  extensionNumbers(extendee: string): readonly number[] | undefined;
}

/** Indexes `services` with all files that they import, directly or not. */
export function indexDescriptors(services: readonly DescService[]): DescriptorIndex {
  const files = new Map<string, DescFile>();
  for (const service of services) addClosure(service.file, files);
  const symbols = new Map<string, DescFile>();
  const messages = new Set<string>();
  const extensions = new Map<string, Map<number, DescFile>>();

  const addExtension = (extension: DescExtension): void => {
    symbols.set(extension.typeName, extension.file);
    const numbers = extensions.get(extension.extendee.typeName) ?? new Map<number, DescFile>();
    extensions.set(extension.extendee.typeName, numbers.set(extension.number, extension.file));
  };
  const addEnum = (item: DescEnum): void => {
    symbols.set(item.typeName, item.file);
    // A value's full name is that of its enum's scope, not of the enum.
    const scope = item.typeName.slice(0, item.typeName.lastIndexOf(".") + 1);
    for (const value of item.values) symbols.set(`${scope}${value.name}`, item.file);
  };
  const addMessage = (message: DescMessage): void => {
    messages.add(message.typeName);
    symbols.set(message.typeName, message.file);
    for (const field of message.fields) {
      symbols.set(`${message.typeName}.${field.name}`, message.file);
    }
    for (const oneof of message.oneofs) {
      symbols.set(`${message.typeName}.${oneof.name}`, message.file);
    }
    for (const nested of message.nestedMessages) addMessage(nested);
    for (const nested of message.nestedEnums) addEnum(nested);
    for (const nested of message.nestedExtensions) addExtension(nested);
  };
  for (const file of files.values()) {
    for (const message of file.messages) addMessage(message);
    for (const item of file.enums) addEnum(item);
    for (const extension of file.extensions) addExtension(extension);
    for (const service of file.services) {
      symbols.set(service.typeName, file);
      for (const method of service.methods) symbols.set(`${service.typeName}.${method.name}`, file);
    }
  }

  return {
    services: [...new Set(services.map((service) => service.typeName))].toSorted(),
    fileByName: (name) => bytesOf(files.get(name)),
    fileBySymbol: (symbol) => bytesOf(symbols.get(symbol)),
    fileByExtension: (extendee, number) => bytesOf(extensions.get(extendee)?.get(number)),
    extensionNumbers: (extendee) =>
      messages.has(extendee)
        ? [...(extensions.get(extendee)?.keys() ?? [])].toSorted((a, b) => a - b)
        : undefined,
  };
}

function bytesOf(file: DescFile | undefined): readonly Uint8Array[] | undefined {
  if (file === undefined) return undefined;
  const closure = addClosure(file, new Map());
  return [...closure.values()].map((item) => toBinary(FileDescriptorProtoSchema, item.proto));
}

/** `file` first, then what it imports; by the name under which it is imported (`a/b.proto`). */
function addClosure(file: DescFile, into: Map<string, DescFile>): Map<string, DescFile> {
  if (into.has(file.proto.name)) return into;
  into.set(file.proto.name, file);
  for (const dependency of file.dependencies) addClosure(dependency, into);
  return into;
}
