import { readFileSync } from "node:fs";
import { PerfNativeError } from "@kernscope/perf-native";
import { PerfError, type PerfErrorCode } from "./errors.js";
import type { FeatureName } from "./feature-table.js";

interface Meaning {
  code: PerfErrorCode;
  feature?: FeatureName;
  remedy?: string | (() => string);
}

/** What an errno means, by the call that gave it; `*` for any other call. */
const meanings: Readonly<Record<string, Readonly<Record<string, Meaning>>>> = {
  perf_event_open: {
    EACCES: { code: "permission", remedy: paranoia },
    EPERM: { code: "permission", remedy: paranoia },
    ENOENT: { code: "unsupported", remedy: "this processor or kernel has no such event" },
    EOPNOTSUPP: { code: "unsupported", remedy: "this processor cannot sample what was asked for" },
    ENOSYS: {
      code: "unsupported",
      feature: "perfEvents",
      remedy: "needs a kernel with CONFIG_PERF_EVENTS, and a sandbox that lets the call pass",
    },
    E2BIG: { code: "unsupported", remedy: "this kernel is older than one of the attributes" },
    EINVAL: { code: "invalid", remedy: "an attribute is out of range, or newer than this kernel" },
    EOVERFLOW: { code: "invalid", remedy: "sampleMaxStack is above kernel.perf_event_max_stack" },
    ENODEV: { code: "not_found", remedy: "the CPU is offline" },
    ESRCH: { code: "not_found", remedy: "there is no such process" },
    EBADF: { code: "not_found", remedy: "the cgroup's directory is not one of the perf_event hierarchy" },
    EBUSY: { code: "busy", remedy: "another event has the counter for itself" },
    ENOSPC: { code: "busy", remedy: "all hardware breakpoints of this CPU are in use" },
  },
  mmap: {
    EPERM: {
      code: "permission",
      remedy: "give CAP_IPC_LOCK, raise kernel.perf_event_mlock_kb or RLIMIT_MEMLOCK, or use a smaller ringSize",
    },
    ENOMEM: { code: "system", remedy: "use a smaller ringSize" },
  },
  PERF_EVENT_IOC_SET_FILTER: {
    EINVAL: { code: "invalid", remedy: "see Documentation/trace/events.rst; strings need quotes" },
    ENOMEM: { code: "system" },
  },
  pthread_create: {
    EAGAIN: { code: "system", remedy: "raise the limit of threads (RLIMIT_NPROC, pids.max of the cgroup)" },
  },
  fsopen: {
    ENOSYS: {
      code: "unsupported",
      feature: "privateTracefs",
      remedy: "needs Linux 5.2; mount tracefs at /sys/kernel/tracing",
    },
    ENODEV: { code: "unsupported", feature: "tracefs", remedy: "needs a kernel with CONFIG_FTRACE" },
  },
  tracefs: {
    EACCES: { code: "permission", remedy: "tracefs is root's alone: run as root" },
    EPERM: { code: "permission", remedy: "tracefs is root's alone: run as root, with CAP_SYS_ADMIN to mount it" },
  },
  kprobe_events: {
    ENOENT: { code: "not_found", remedy: "ask KernelSymbols for the names that this kernel has" },
    EADDRNOTAVAIL: { code: "invalid", remedy: "several functions have this name: give an address" },
    EILSEQ: { code: "invalid", remedy: "the offset is not where an instruction begins" },
    EINVAL: { code: "invalid" },
  },
  uprobe_events: {
    ENOENT: { code: "not_found" },
    EINVAL: { code: "invalid" },
  },
  "*": {
    EACCES: { code: "permission", remedy: "run as root" },
    EPERM: { code: "permission", remedy: "run as root, or with CAP_SYS_ADMIN" },
    ENOENT: { code: "not_found" },
    ESRCH: { code: "not_found" },
    ENODEV: { code: "not_found" },
    EINVAL: { code: "invalid" },
    EBUSY: { code: "busy" },
    EEXIST: { code: "busy" },
    ENOSYS: { code: "unsupported" },
    EOPNOTSUPP: { code: "unsupported" },
    EMFILE: { code: "system", remedy: "raise the limit of open files (RLIMIT_NOFILE)" },
    ENFILE: { code: "system", remedy: "raise fs.file-max" },
    ENOMEM: { code: "system" },
  },
};

/** The error of this package that says what `errno`, given by `operation`, means for `subject`. */
export function errnoError(
  operation: string,
  subject: string | undefined,
  errno: string,
  details: { cpu?: number | undefined; from?: unknown } = {},
): PerfError {
  const meaning = meanings[operation]?.[errno] ?? meanings["*"]?.[errno] ?? { code: "system" as const };
  const remedy = typeof meaning.remedy === "function" ? meaning.remedy() : meaning.remedy;
  return new PerfError(meaning.code, {
    operation,
    subject,
    cause: errno,
    errno,
    remedy,
    feature: meaning.feature,
    ...details,
  });
}

/** Makes an error of this package of whatever came from below it. */
export function toPerfError(error: unknown, operation: string, subject?: string): PerfError {
  if (error instanceof PerfError) return error;
  if (error instanceof PerfNativeError) {
    const { cpu } = error;
    if (error.errno !== undefined) {
      return errnoError(error.operation ?? operation, subject, error.errno, { cpu, from: error });
    }
    const feature = error.code === "unsupported" ? ("perfEvents" as const) : undefined;
    const details = {
      operation: error.operation ?? operation,
      subject,
      cause: error.message,
      cpu,
      feature,
      from: error,
    };
    return new PerfError(error.code, details);
  }
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (typeof code === "string" && syscall !== undefined) return errnoError(operation, subject, code, { from: error });
  return new PerfError("system", { operation, subject, cause: message ?? String(error), from: error });
}

function paranoia(): string {
  let level = "unknown";
  try {
    level = readFileSync("/proc/sys/kernel/perf_event_paranoid", "utf8").trim();
  } catch {
    // The remedy stands without it.
  }
  return `needs CAP_PERFMON or kernel.perf_event_paranoid ≤ -1 (is ${level})`;
}
