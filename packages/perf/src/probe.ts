import type { RegistrationOptions } from "./monitor-options.js";
import type { ProbeRequest } from "./probe-registry.js";
import { kernelPlace } from "./probe-text.js";

export interface ProbeOptions extends RegistrationOptions {
  /**
   * What each record holds: the name of a field and the fetch expression that fills it, such as
   * `{ path: "+0($arg2):ustring", flags: "$arg3:s32" }` (Documentation/trace/kprobetrace.rst). A string that could not
   * be read is `""` before Linux 6.2 and `"(fault)"` since.
   *
   * User probes have `$argN` from Linux 6.11 on. Registers are in every kernel: a C function's first integers and pointers
   * are in `%di`, `%si`, `%dx`, `%cx`, `%r8`, `%r9` on x86-64, in `%x0` to `%x7` on arm64. `$retval` needs neither.
   */
  args?: Readonly<Record<string, string>>;
  /** Fire when the function returns instead of when it is entered; `$retval` is what it returns. */
  onReturn?: boolean;
}

export interface KprobeOptions extends ProbeOptions {
  /**
   * Calls that may be under way at once for their returns to be seen, 1 to 4096; those beyond are missed and counted
   * (`LossReport`). For return probes only. Left out: the kernel's default, 2 a CPU and 10 at least.
   */
  maxActive?: number;
}

/** What `kprobe_events` is asked for. */
export function kprobeRequest(place: string, { args = {}, onReturn = false, maxActive }: KprobeOptions): ProbeRequest {
  return {
    kind: "kprobe",
    subject: `${onReturn ? "kretprobe" : "kprobe"}:${place}`,
    place: kernelPlace(place),
    onReturn,
    maxActive,
    args,
  };
}
