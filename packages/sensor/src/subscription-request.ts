import type { Expression } from "@kernscope/expression";
import type { EventKind } from "./event-kinds.js";
import type { QueueLimits } from "./event-queue.js";

/** What a subscriber asks for. */
export interface SubscriptionRequest {
  /** Events that pass any of these are delivered, each once. */
  filters: readonly EventFilter[];
  /** Restricts all of `filters` to what happens in these containers. */
  containers?: ContainerFilter;
  /** Ends the subscription after so many events, from 1. */
  limit?: number;
  /** Ends the subscription after so many nanoseconds, from 1. */
  duration?: number;
  /** Nanoseconds before now at which the stream should begin: not honoured, which is told by a status. */
  since?: number;
  /** Delivers no event before so many nanoseconds, from 1, have passed since the one delivered before. */
  throttle?: number;
  /** Bounds of what waits for this subscriber. */
  queue?: Partial<QueueLimits>;
}

/** One kind of events, and which of them. */
export type EventFilter =
  | PlainFilter
  | KernelCallFilter
  | UserCallFilter
  | PerformanceFilter
  | ContainerEventFilter
  | TickerFilter
  | ChargenFilter;

/** Kinds that take nothing but a condition. */
export type PlainKind = Exclude<
  EventKind,
  `kernel-call.${string}` | `user-call.${string}` | `container.${string}` | "performance" | "ticker" | "chargen"
>;

/** One of the kinds that take nothing but a condition. */
export interface PlainFilter {
  kind: PlainKind;
  /**
   * Over the fields of the kind (`fieldTypesOf`). System calls must have one that says which `id`. Calls through the table
   * of 32-bit calls pass only one that names `compat`.
   */
  where?: Expression;
}

/** Calls of a function of the kernel, or their returns. Needs kprobes. */
export interface KernelCallFilter {
  kind: "kernel-call.enter" | "kernel-call.exit";
  /** `[MODULE:]SYMBOL[+OFFSET]`. */
  symbol: string;
  /** Fetch expressions by the name that the value gets, such as `{ flags: "+0($arg3):u64" }`; `$retval` at exit. */
  arguments?: Readonly<Record<string, string>>;
  /** Over the names in `arguments`. */
  where?: Expression;
}

/** Calls of a function of a program or library, or their returns. */
export interface UserCallFilter {
  kind: "user-call.enter" | "user-call.exit";
  /** Path of the program or library, absolute, within {@link UserCallFilter.root}. */
  executable: string;
  /** Directory that is the root of `executable` and its links: of a container `/proc/PID/root`. Default `/`. */
  root?: string;
  /** Build id that the file must have, in hexadecimal: the probe does not go into another build of it. */
  buildId?: string;
  /** `name`, or `name@VERSION`. */
  symbol: string;
  /** As for {@link KernelCallFilter}. */
  arguments?: Readonly<Record<string, string>>;
  /** Over the names in `arguments`. */
  where?: Expression;
}

/** Readings of a group of counters, on each CPU, when the first of them has counted on. */
export interface PerformanceFilter {
  kind: "performance";
  /** From 1 to 16. */
  counters: readonly PerformanceCounter[];
  /** A reading each time the first counter has counted so many, from 1. Give this or `frequency`. */
  period?: number | bigint;
  /** So many readings a second, from 1. */
  frequency?: number;
}

/** A counter by its class and number, as perf_event_open(2) has them. */
export interface PerformanceCounter {
  type: "hardware" | "hardware-cache" | "software";
  config: number | bigint;
}

/** What becomes of containers, as their runtimes and the kernel tell. */
export interface ContainerEventFilter {
  kind: Extract<EventKind, `container.${string}`>;
  /** `full`: with the runtime's and the OCI configuration. Default `basic`. */
  view?: "basic" | "full";
  /** Over the fields of the kind (`fieldTypesOf`). */
  where?: Expression;
}

/** Ticks of a timer. */
export interface TickerFilter {
  kind: "ticker";
  /** Nanoseconds between two ticks: from 1,000,000. */
  interval: number;
}

/** Characters in an endless row, as RFC 864 has them: a stream to try things with. */
export interface ChargenFilter {
  kind: "chargen";
  /** Characters of each event: 1 to 65,536. There are ten events a second. */
  length: number;
}

/**
 * A container that any of these names: 1,024 entries of 1,024 characters, and 65,536 of `imageNames` together, at the most.
 * What happens in a container that just began waits up to a second for its runtime to tell its name and image. Where that
 * does not suffice, the events are told to be lost.
 */
export interface ContainerFilter {
  /** Whole ids, or the first digits of one: 12 to 63 of them. */
  ids?: readonly string[];
  names?: readonly string[];
  imageIds?: readonly string[];
  /** Shell globs of image names; `*` and `?` do not cross `/`. */
  imageNames?: readonly string[];
}

/** How a part of a request fared: `code` is a google.rpc.Code, 0 for all is well. */
export interface SubscriptionStatus {
  code: number;
  message: string;
}
