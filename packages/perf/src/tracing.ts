import { PerfError } from "./errors.js";

/** Where trace events come from: tracefs, or a test's table. */
export interface Tracing {
  /** The text of an event's format file; rejects with `not_found` when there is no such event. */
  readFormat(event: TraceEventName): Promise<string>;
  /** Names of all events, as `system/event`. */
  listEvents(): Promise<string[]>;
  /** Reads a control file, such as `kprobe_profile`. */
  read(file: string): Promise<string>;
  /** Appends one line to a control file, such as `kprobe_events`. */
  append(file: string, line: string): Promise<void>;
  close(): Promise<void>;
}

/** A trace event is one of a system, such as `sched/sched_switch`. */
export interface TraceEventName {
  readonly system: string;
  readonly event: string;
}

/** Reads `system/event` or `system:event`. Both are words of tracefs: nothing that could leave its folder. */
export function parseEventName(name: string): TraceEventName {
  const [, system, event] = /^([\w-]+)[/:]([\w-]+)$/.exec(name) ?? [];
  if (system === undefined || event === undefined) {
    throw new PerfError("invalid", {
      operation: "tracepoint",
      subject: JSON.stringify(name),
      cause: "not the name of a trace event",
      remedy: "write system/event, such as sched/sched_process_exec",
    });
  }
  return { system, event };
}
