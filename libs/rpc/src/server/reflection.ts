import type { DescService } from "@bufbuild/protobuf";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import { ServerReflection } from "@hexhold/gen/grpc/reflection/v1/reflection_pb";
import { ServerReflection as ServerReflectionV1Alpha } from "@hexhold/gen/grpc/reflection/v1alpha/reflection_pb";
import { type DescriptorIndex, indexDescriptors } from "./descriptor-index.ts";

/** Requests that one reflection stream may ask. */
const requestsMax = 10_000;

/** What v1 and v1alpha ask alike. */
export type Question =
  | {
      readonly case:
        | "listServices"
        | "fileByFilename"
        | "fileContainingSymbol"
        | "allExtensionNumbersOfType";
      readonly value: string;
    }
  | {
      readonly case: "fileContainingExtension";
      readonly value: { readonly containingType: string; readonly extensionNumber: number };
    }
  | { readonly case: undefined; readonly value?: undefined };

/** What v1 and v1alpha answer alike. */
export type Answer =
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | {
      case: "allExtensionNumbersResponse";
      value: { baseTypeName: string; extensionNumber: number[] };
    }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

/**
 * Serves grpc.reflection v1 and v1alpha for everything registered on `router`, itself included, so
 * that grpcurl, buf curl and the like need no .proto files. Call it last.
 */
export function routeReflection(router: ConnectRouter): void {
  const services = new Map<string, DescService>();
  for (const { service } of router.handlers) services.set(service.typeName, service);
  for (const service of [ServerReflection, ServerReflectionV1Alpha]) {
    services.set(service.typeName, service);
  }
  const index = indexDescriptors([...services.values()]);
  router.service(ServerReflection, { serverReflectionInfo: (input) => answers(input, index) });
  router.service(ServerReflectionV1Alpha, {
    serverReflectionInfo: (input) => answers(input, index),
  });
}

async function* answers<
  Request extends { readonly host: string; readonly messageRequest: Question },
>(input: AsyncIterable<Request>, index: DescriptorIndex) {
  let count = 0;
  for await (const request of input) {
    if (++count > requestsMax) return;
    yield {
      validHost: request.host,
      originalRequest: request,
      messageResponse: answer(request.messageRequest, index),
    };
  }
}

/** What one question of reflection is answered with; a miss is an answer too, never an error of the call. */
export function answer(question: Question, index: DescriptorIndex): Answer {
  switch (question.case) {
    case "listServices":
      return {
        case: "listServicesResponse",
        value: { service: index.services.map((name) => ({ name })) },
      };
    case "fileByFilename":
      return files(index.fileByName(question.value), `file ${question.value}`);
    case "fileContainingSymbol":
      return files(index.fileBySymbol(question.value), `symbol ${question.value}`);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = question.value;
      return files(
        index.fileByExtension(containingType, extensionNumber),
        `extension ${extensionNumber} of ${containingType}`,
      );
    }
    case "allExtensionNumbersOfType": {
      const numbers = index.extensionNumbers(question.value);
      if (numbers === undefined) return miss(Code.NotFound, `type ${question.value}`);
      return {
        case: "allExtensionNumbersResponse",
        value: { baseTypeName: question.value, extensionNumber: [...numbers] },
      };
    }
    default:
      return {
        case: "errorResponse",
        value: { errorCode: Code.InvalidArgument, errorMessage: "the request asks nothing" },
      };
  }
}

function files(found: readonly Uint8Array[] | undefined, what: string): Answer {
  if (found === undefined) return miss(Code.NotFound, what);
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto: [...found] } };
}

function miss(code: Code, what: string): Answer {
  const errorMessage = `no ${what.slice(0, 256)} here`;
  return { case: "errorResponse", value: { errorCode: code, errorMessage } };
}
