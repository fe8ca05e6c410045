import { fileURLToPath } from "node:url";
import { type ClientReadableStream, credentials, loadPackageDefinition, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const protoFolder = fileURLToPath(new URL("../../../../proto", import.meta.url));

/** A response as @grpc/grpc-js decodes it by the .proto files: defaults are there, 64-bit integers are text. */
export interface PlainResponse {
  statuses: { code: number; message: string }[];
  events: { publish_time_micros: string; event: PlainEvent }[];
}

export interface PlainEvent {
  id: string;
  process_pid: number;
  process_tgid: number;
  sensor_id: string;
  sensor_sequence_number: string;
  unix_time_nanos: string;
  command_line: string[];
  /** The name of the field that is set in the oneof. */
  event: string;
  process?: {
    type: string;
    fork_child_pid: number;
    exec_filename: string;
    exec_command_line: string[];
    exec_command_line_truncated: boolean;
    exit_code: number;
    exit_status: number;
    exit_signal: number;
  };
  lost?: { lost: string };
}

export type PlainStream = ClientReadableStream<PlainResponse>;

/** Subscribes with @grpc/grpc-js and the .proto files: none of this project's code is between them and the socket. */
export function subscribeByGrpcJs(path: string, subscription: object): PlainStream {
  const definition = loadSync("capsule8/api/v0/telemetry_service.proto", {
    includeDirs: [protoFolder],
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  // biome-ignore lint/suspicious/noExplicitAny: made from .proto files at run time
  const { TelemetryService } = (loadPackageDefinition(definition) as any).capsule8.api.v0;
  const client = new TelemetryService(`unix:${path}`, credentials.createInsecure());
  const stream: PlainStream = client.GetEvents({ subscription });
  stream.on("close", () => client.close());
  return stream;
}

/** Resolves with the error that ends a stream, undefined where it ends properly. */
export function endOf(stream: PlainStream): Promise<ServiceError | undefined> {
  return new Promise((resolve) => {
    stream.on("error", resolve);
    stream.on("end", () => resolve(undefined));
  });
}
