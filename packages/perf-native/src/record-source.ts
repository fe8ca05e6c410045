import type { EventAttr } from "./attr.js";

/** One thing to watch: a process (or all), a CPU (or all). */
export interface EventTarget {
  /** A pid, -1 for all, or, with `OpenFlag.PID_CGROUP`, a file descriptor of a cgroup's directory. */
  pid: number;
  /** A CPU that the source has a ring for. */
  cpu: number;
}

export interface OpenRequest {
  /** Chosen by the caller: 0 … 2^32 − 2, unique in the life of the source. Records carry it. */
  index: number;
  /** IDENTIFIER, TID, TIME, CPU, `sample_id_all`, the source's clock and a wake-up policy are added by the source. */
  attr: EventAttr;
  /** Threads that have ended and cgroups that were removed are left out, unless all are. */
  targets: readonly EventTarget[];
  /**
   * Open it on CPUs that come later, too ({@link RecordSource.followCpus}): for targets that are bound to a CPU, which
   * are the whole system and cgroups. Events of processes stay when a CPU goes and comes.
   */
  followCpus?: boolean;
  /** Bits of `OpenFlag`; FD_CLOEXEC is always set. */
  flags?: number;
  /** Index of the event that leads this one's counter group: this one counts whenever that one is enabled. */
  leader?: number;
  /** Filter in the kernel's language (Documentation/trace/events.rst), set before the event is enabled. */
  filter?: string;
  /** Enable when all is open. */
  enabled?: boolean;
  /** Wake the reader at every record of this event. */
  urgent?: boolean;
  /** Bytes of rings of this event's own, a page count that is a power of two; left out: the CPUs' shared rings. */
  ringSize?: number;
  /**
   * Where the kernel's copy of a user stack ends at a page that nobody had touched, read the rest from the process, at
   * once; such records carry `RecordFlag.STACK_READ`. Needs `ringSize`, and the stack and the stack pointer sampled; without
   * them it is `invalid`.
   */
  completeStack?: boolean;
}

export interface OpenedEvent {
  /** CPUs of targets that answered ENODEV: they are offline. */
  offline: readonly number[];
}

/** What read(2) says of one event on one target. */
export interface EventCount {
  cpu: number;
  pid: number;
  /** Hits, as counted by the kernel. */
  value: bigint;
  /** Nanoseconds. */
  timeEnabled: bigint;
  /** Nanoseconds; below `timeEnabled` where counters were multiplexed. */
  timeRunning: bigint;
  /** Samples that found no room; `undefined` before Linux 6.0 (no `PERF_FORMAT_LOST`). */
  lost: bigint | undefined;
  /** The values of all members of a counter group, this one's first; `undefined` without `ReadFormat.GROUP`. */
  values?: bigint[];
}

/** Counts since the source was opened. */
export interface SourceStats {
  /** Records handed out, all types. */
  records: number;
  /** Their bytes. */
  bytes: number;
  /** Records with `RecordFlag.LATE`. */
  late: number;
  /** Records with `RecordFlag.CORRUPT`, and rings skipped to their head because no length could be trusted. */
  corrupt: number;
  /** Sample records that belong to no event that is known: open, or closed with records on their way. */
  unknown: number;
  /** Sum of the counts in `PERF_RECORD_LOST` and `PERF_RECORD_LOST_SAMPLES`. */
  lost: number;
  /** How often the span memory was full, so that records had to wait in the kernel's rings. */
  stalls: number;
  /** Wake-ups of JavaScript. */
  wakeups: number;
}

/**
 * Where an event monitor's records come from: the kernel ({@link Reader}) or a test's fake. Records come in time order,
 * in spans of contiguous memory laid out as in record-layout.ts.
 */
export interface RecordSource {
  /** The memory that spans lie in; the same for the life of the source. */
  readonly memory: ArrayBuffer;
  /** CPUs with a ring, in ascending order. */
  readonly cpus: readonly number[];
  /** Clock of the records' times (clock_gettime(2)). */
  readonly clockId: number;
  /** Whether {@link EventCount.lost} can be had. */
  readonly countsLost: boolean;

  /** Starts reading; `onReady` is called on this thread whenever {@link RecordSource.take} has something new. */
  start(onReady: () => void): void;
  open(request: OpenRequest): Promise<OpenedEvent>;
  /**
   * Takes in the CPUs that came online since they were looked at last, those included that went and came back meanwhile:
   * the kernel takes the events of a CPU away with it. Opens the events that asked for it there, with their filters, on or
   * off as they are elsewhere; their counts go on. Resolves to these CPUs. What cannot be opened keeps nothing else from
   * being opened: one call rejects with it, later ones try again.
   */
  followCpus(): Promise<readonly number[]>;
  /** Enables or disables events; takes effect for all of them before it resolves. */
  setEnabled(indices: readonly number[], enabled: boolean): Promise<void>;
  /** Sets the filter of an event that has none yet: the kernel takes it only once and answers EEXIST after that. */
  setFilter(index: number, filter: string): Promise<void>;
  counts(index: number): Promise<EventCount[]>;
  /**
   * Closes events: disables them and gives the file descriptors back. Resolves when the kernel is done, which can take
   * 40 ms an event. What the rings still hold of them is handed out all the same, with their indices.
   */
  closeEvents(indices: readonly number[]): Promise<void>;

  /**
   * Fetches the next span: sets {@link RecordSource.start}, `end` (byte offsets into `memory`, `start` = `end` for none)
   * and the horizon. Returns whether there are records or the horizon has moved. The span stays valid until
   * {@link RecordSource.release}.
   */
  take(): boolean;
  readonly spanStart: number;
  readonly spanEnd: number;
  /**
   * No record to come after this span, but late ones, has a time before this one: nanoseconds of the source's clock,
   * high and low 32 bits.
   */
  readonly horizonHigh: number;
  readonly horizonLow: number;
  /** Gives the memory of the span last taken back. */
  release(): void;
  /** Makes `onReady` be called soon, with a newer horizon, even if no record comes. */
  requestHorizon(): void;

  stats(): SourceStats;
  /** Whether the source alone keeps the process alive; it does after `start`. */
  ref(): void;
  unref(): void;
  /** Stops reading and gives everything back; resolves when the kernel is done. */
  close(): Promise<void>;
}
