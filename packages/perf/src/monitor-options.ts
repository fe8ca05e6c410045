import type { EventAttr, ReaderOptions, RecordSource } from "@kernscope/perf-native";
import type { ClockReader } from "./clock.js";
import type { EventGroup } from "./event-group.js";
import type { EventId } from "./record.js";
import type { SampleOptions } from "./sample-options.js";
import type { TargetOptions } from "./targets.js";
import type { Tracing } from "./tracing.js";

export interface EventMonitorOptions extends ReaderOptions, TargetOptions {
  /** Where tracefs is. Left out: where it is mounted, else a private mount of the monitor's own. */
  tracingDirectory?: string;
  /**
   * What a handler threw; the stream goes on. Without it `run` rejects. What a promise that a handler returns rejects
   * with is not among it: nobody waits for such a promise.
   */
  onHandlerError?: (error: unknown, id: EventId) => void;
  /** Milliseconds between two looks at the loss counts while records flow. Default 1000. */
  lossInterval?: number;
  /**
   * Milliseconds between two looks at which CPUs are online: the longest time for which events of a CPU that comes are not
   * seen; three times as long where a CPU went and came back between two looks. Default 1000; 0: CPUs that come are not
   * taken in.
   */
  hotplugInterval?: number;
  /** External samples that may wait for their time, or for the monitor to run; more are refused. Default 2^20. */
  externalLimit?: number;
  /** Records from elsewhere than the kernel. The monitor closes it. */
  source?: RecordSource;
  /** Reads the clocks. Default: clock_gettime(2). */
  readClock?: ClockReader;
  /** Formats from elsewhere than tracefs. The monitor closes it. */
  tracing?: Tracing;
}

export interface RegistrationOptions {
  /** In the kernel's language (Documentation/trace/events.rst). */
  filter?: string;
  /** Default true. */
  enabled?: boolean;
  /** Enabled, disabled and removed together with the other events of the group. */
  group?: EventGroup;
  /**
   * Wake the reader at every record: JavaScript has it after 0.1 ms instead of a `tick`, for 7 µs of the traced task. Where
   * records were handed out just before, it comes with those of the next 2 ms, or of the `tick` if that is shorter or
   * there were many (four at a time).
   */
  urgent?: boolean;
  /** Bytes of a ring of its own on each CPU: a page count that is a power of two. Left out: the shared rings. */
  ringSize?: number;
  /**
   * Read what a sampled user stack lacks from the process, at once (`record.userStackRead`). Needs `ringSize`,
   * `sample.userStack`, and the stack pointer among `sample.userRegisters`; without them it is `invalid`.
   */
  completeStack?: boolean;
  sample?: SampleOptions;
  /** The other attributes of perf_event_open(2). */
  attr?: Partial<EventAttr>;
}
