import type { Message } from "@bufbuild/protobuf";
import type { TelemetryEvent } from "./gen/capsule8/api/v0/telemetry_event_pb.js";
import type { ReceivedTelemetryEvent } from "./gen/capsule8/api/v0/telemetry_service_pb.js";

/**
 * A `TelemetryEvent` as a plain object. What is absent or `undefined` has its default: 0, `false`, `""`, empty, not set.
 * What `create(TelemetryEventSchema, …)` takes is an `EventInit`, and so is every `TelemetryEvent`; beyond that 64-bit
 * fields may be numbers.
 */
export type EventInit = Init<TelemetryEvent> & { readonly context?: EventContextInit | undefined };

/**
 * What an event has in common with others, in one object for all of them, which must not change: it is encoded once. Of an
 * event with a context these fields are taken from there alone; its `id` is `sensorId`, a hyphen and its sequence number.
 */
export interface EventContextInit extends Pick<Init<TelemetryEvent>, ContextField> {
  /** Unix time in nanoseconds at which `sensorMonotimeNanos` was 0. */
  readonly unixOrigin: bigint;
}

type ContextField =
  | "sensorId"
  | "processId"
  | "processPid"
  | "processTgid"
  | "processLineage"
  | "containerId"
  | "containerName"
  | "imageId"
  | "imageName"
  | "credentials"
  | "commandLine"
  | "commandLineTruncated"
  | "cgroupPath"
  | "pod";

/** A `ReceivedTelemetryEvent` as a plain object, see {@link EventInit}. */
export type ReceivedEventInit = Omit<Init<ReceivedTelemetryEvent>, "event"> & {
  readonly event?: EventInit | undefined;
};

/**
 * A message as a plain object: every field optional, messages within it likewise, 64-bit integers as `number` (a safe
 * integer) or `bigint`.
 */
export type Init<T extends Message> = { readonly [K in Exclude<keyof T, keyof Message>]?: FieldInit<T[K]> | undefined };

type FieldInit<F> = F extends bigint
  ? number | bigint
  : F extends string | number | boolean | Uint8Array | undefined
    ? F
    : F extends readonly (infer Item)[]
      ? readonly FieldInit<Item>[]
      : F extends Message
        ? Init<F>
        : F extends { case: infer Case; value: infer Value }
          ? { readonly case: Case; readonly value: FieldInit<Value> }
          : F extends { case: undefined }
            ? { readonly case: undefined; readonly value?: undefined }
            : F extends { [key: string]: infer Value }
              ? { readonly [key: string]: FieldInit<Value> }
              : never;
