import { TelemetryApiError } from "./errors.js";
import type { EventFilter } from "./gen/capsule8/api/v0/subscription_pb.js";
import {
  ContainerEventType as Container,
  FileEventType as File,
  KernelFunctionCallEventType as KernelCall,
  NetworkEventType as Network,
  ProcessEventType as Process,
  SyscallEventType as Syscall,
  UserFunctionCallEventType as UserCall,
} from "./gen/capsule8/api/v0/telemetry_event_pb.js";
import { nearest } from "./nearest.js";

/** How a subscription asks for events of a kind. */
export interface EventKindEntry {
  /** The list of `EventFilter` that its filters go into. */
  readonly list: Exclude<keyof EventFilter, "$typeName" | "$unknown">;
  /** `type` of its filter; a filter for each where there are several. Absent where filters of the list have no type. */
  readonly types?: readonly number[];
  /** Fields that its filter needs and that have a sensible value. */
  readonly defaults?: Readonly<Record<string, unknown>>;
}

/** Short names of all kinds of events that can be subscribed to. */
export const eventKinds = {
  fork: { list: "processEvents", types: [Process.FORK] },
  exec: { list: "processEvents", types: [Process.EXEC] },
  exit: { list: "processEvents", types: [Process.EXIT] },
  update: { list: "processEvents", types: [Process.UPDATE] },

  open: { list: "fileEvents", types: [File.OPEN] },
  create: { list: "fileEvents", types: [File.CREATE] },
  delete: { list: "fileEvents", types: [File.DELETE] },
  link: { list: "fileEvents", types: [File.LINK] },
  rename: { list: "fileEvents", types: [File.RENAME] },
  modify: { list: "fileEvents", types: [File.MODIFY] },
  "open-for-modify": { list: "fileEvents", types: [File.OPEN_FOR_MODIFY] },
  "close-for-modify": { list: "fileEvents", types: [File.CLOSE_FOR_MODIFY] },
  "attribute-change": { list: "fileEvents", types: [File.ATTRIBUTE_CHANGE] },

  syscall: { list: "syscallEvents", types: [Syscall.ENTER] },
  "syscall-exit": { list: "syscallEvents", types: [Syscall.EXIT] },

  connect: { list: "networkEvents", types: [Network.CONNECT_ATTEMPT] },
  "connect-result": { list: "networkEvents", types: [Network.CONNECT_RESULT] },
  bind: { list: "networkEvents", types: [Network.BIND_ATTEMPT] },
  "bind-result": { list: "networkEvents", types: [Network.BIND_RESULT] },
  listen: { list: "networkEvents", types: [Network.LISTEN_ATTEMPT] },
  "listen-result": { list: "networkEvents", types: [Network.LISTEN_RESULT] },
  accept: { list: "networkEvents", types: [Network.ACCEPT_ATTEMPT] },
  "accept-result": { list: "networkEvents", types: [Network.ACCEPT_RESULT] },
  sendto: { list: "networkEvents", types: [Network.SENDTO_ATTEMPT] },
  "sendto-result": { list: "networkEvents", types: [Network.SENDTO_RESULT] },
  recvfrom: { list: "networkEvents", types: [Network.RECVFROM_ATTEMPT] },
  "recvfrom-result": { list: "networkEvents", types: [Network.RECVFROM_RESULT] },

  "kernel-call": { list: "kernelEvents", types: [KernelCall.ENTER] },
  "kernel-call-exit": { list: "kernelEvents", types: [KernelCall.EXIT] },
  "user-call": { list: "userEvents", types: [UserCall.ENTER] },
  "user-call-exit": { list: "userEvents", types: [UserCall.EXIT] },

  performance: { list: "performanceEvents" },

  container: {
    list: "containerEvents",
    types: [Container.CREATED, Container.RUNNING, Container.EXITED, Container.DESTROYED, Container.UPDATED],
  },
  "container-created": { list: "containerEvents", types: [Container.CREATED] },
  "container-running": { list: "containerEvents", types: [Container.RUNNING] },
  "container-exited": { list: "containerEvents", types: [Container.EXITED] },
  "container-destroyed": { list: "containerEvents", types: [Container.DESTROYED] },
  "container-updated": { list: "containerEvents", types: [Container.UPDATED] },

  /** A tick a second. */
  ticker: { list: "tickerEvents", defaults: { interval: 1_000_000_000n } },
  /** A line of RFC 864 an event. */
  chargen: { list: "chargenEvents", defaults: { length: 72n } },
} as const satisfies Record<string, EventKindEntry>;

/** Short name of a kind of events. */
export type EventKind = keyof typeof eventKinds;

/**
 * Returns `name` as the kind that it names.
 *
 * @throws {TelemetryApiError} `unknown_kind`, with the name that is most alike and a list of all
 */
export function eventKind(name: string): EventKind {
  if (Object.hasOwn(eventKinds, name)) return name as EventKind;
  const known = Object.keys(eventKinds);
  const alike = nearest(name, known);
  throw new TelemetryApiError(
    "unknown_kind",
    `eventKind(${JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name)})`,
    "there is no event of this kind",
    `${alike === undefined ? "" : `did you mean ${alike}? `}The kinds are ${known.join(", ")}`,
  );
}
