import { createRegistry, type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import type { grpcReflection } from "@kernscope/telemetry-api";

type Question = grpcReflection.ServerReflectionRequest["messageRequest"];
type Response = grpcReflection.ServerReflectionResponse["messageResponse"];
/** An answer's content, without the parts that only a generated message has. */
type Answer =
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

/** Messages of `grpc.reflection.v1`, and of `v1alpha`, which are the same. */
type Request = { readonly host: string; readonly messageRequest: { case: Question["case"]; value?: unknown } };

/** Server reflection: tells tools what the services look like. */
export class Reflection {
  readonly #services: readonly DescService[];
  readonly #files = new Map<string, DescFile>();
  readonly #registry;

  constructor(services: readonly DescService[]) {
    this.#services = services;
    for (const { file } of services) for (const each of withDependencies(file)) this.#files.set(each.name, each);
    this.#registry = createRegistry(...this.#files.values());
  }

  /** Answers questions, in their order. */
  async *info<R extends Request>(requests: AsyncIterable<R>) {
    for await (const request of requests) {
      const { host, messageRequest } = request;
      yield { validHost: host, originalRequest: request, messageResponse: this.#answer(messageRequest as Question) };
    }
  }

  #answer(question: Question): Answer & { case: Response["case"] } {
    switch (question.case) {
      case "listServices":
        return {
          case: "listServicesResponse",
          value: { service: this.#services.map(({ typeName: name }) => ({ name })) },
        };
      case "fileByFilename":
        return fileAnswer(this.#files.get(question.value.replace(/\.proto$/, "")), question.value);
      case "fileContainingSymbol":
        return fileAnswer(this.#fileOf(question.value), question.value);
      case "allExtensionNumbersOfType":
        if (this.#registry.getMessage(question.value) === undefined) return notFound(question.value);
        return {
          case: "allExtensionNumbersResponse",
          value: { baseTypeName: question.value, extensionNumber: [] },
        };
      case "fileContainingExtension":
        return notFound(`extension ${question.value.extensionNumber} of ${question.value.containingType}`);
      default:
        return { case: "errorResponse", value: { errorCode: Code.InvalidArgument, errorMessage: "nothing is asked" } };
    }
  }

  /** The file that defines a symbol, or what the symbol is part of. */
  #fileOf(symbol: string): DescFile | undefined {
    const own = this.#registry.get(symbol);
    if (own !== undefined) return own.file;
    const at = symbol.lastIndexOf(".");
    const [owner, name] = [symbol.slice(0, Math.max(at, 0)), symbol.slice(at + 1)];
    const parent = this.#registry.get(owner);
    const has =
      (parent?.kind === "service" && parent.methods.some((method) => method.name === name)) ||
      (parent?.kind === "message" && [...parent.fields, ...parent.oneofs].some((member) => member.name === name)) ||
      (parent?.kind === "enum" && parent.values.some((value) => value.name === name));
    return has ? parent.file : undefined;
  }
}

function fileAnswer(file: DescFile | undefined, name: string): Answer {
  if (file === undefined) return notFound(name);
  const files = withDependencies(file).map((each) => toBinary(FileDescriptorProtoSchema, each.proto));
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto: files } };
}

function notFound(name: string): Answer {
  const errorMessage = `${name.slice(0, 200)}: there is none here`;
  return { case: "errorResponse", value: { errorCode: Code.NotFound, errorMessage } };
}

/** A file and all that it imports, itself first. */
function withDependencies(file: DescFile): DescFile[] {
  const found = new Set<DescFile>();
  const add = (each: DescFile) => {
    if (found.has(each)) return;
    found.add(each);
    for (const dependency of each.dependencies) add(dependency);
  };
  add(file);
  return [...found];
}
