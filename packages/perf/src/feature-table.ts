import {
  BreakpointType,
  Clock,
  type EventAttr,
  HardwareEvent,
  PerfType,
  ReadFormat,
  SampleFormat,
} from "@kernscope/perf-native";

/** What a feature of the kernel needs. */
export interface FeatureNeeds {
  /** In a few words, what it is good for. */
  readonly purpose: string;
  /** The oldest kernel that has it. */
  readonly since: string;
  /** Beside that version: kernel configuration, hardware or privilege. */
  readonly needs?: string;
  /** Attributes that only a kernel with the feature takes. */
  readonly attr?: Partial<EventAttr>;
}

/** The features that `features()` looks for; `since` as in the kernel's history. */
export const featureTable = {
  perfEvents: { purpose: "perf_event_open(2)", since: "2.6.32", needs: "CONFIG_PERF_EVENTS" },
  systemWide: {
    purpose: "events of all processes",
    since: "2.6.32",
    needs: "CAP_PERFMON (before 5.8 CAP_SYS_ADMIN) or kernel.perf_event_paranoid ≤ -1",
  },
  tracefs: { purpose: "tracepoints, their formats and filters", since: "4.1", needs: "CONFIG_FTRACE; root" },
  privateTracefs: { purpose: "tracefs where none is mounted", since: "5.2", needs: "CAP_SYS_ADMIN" },
  kprobes: { purpose: "probes in the kernel", since: "4.20", needs: "CONFIG_KPROBE_EVENTS; root" },
  uprobes: { purpose: "probes in programs and libraries", since: "4.20", needs: "CONFIG_UPROBE_EVENTS; root" },
  btf: { purpose: "the kernel's types", since: "5.4", needs: "CONFIG_DEBUG_INFO_BTF" },
  symbols: { purpose: "addresses of kernel functions", since: "2.6.32", needs: "kernel.kptr_restrict below 2; root" },
  cgroupTargets: { purpose: "events of cgroups", since: "2.6.39", needs: "CONFIG_CGROUP_PERF" },
  lostCounts: {
    purpose: "exact loss counts of each event",
    since: "6.0",
    attr: { readFormat: ReadFormat.LOST },
  },
  cgroupSamples: {
    purpose: "the cgroup in each sample",
    since: "5.7",
    needs: "CONFIG_CGROUP_PERF",
    attr: { sampleType: SampleFormat.CGROUP },
  },
  pageSizes: {
    purpose: "page sizes in samples",
    since: "5.11",
    attr: { sampleType: SampleFormat.DATA_PAGE_SIZE | SampleFormat.CODE_PAGE_SIZE },
  },
  weightParts: { purpose: "weights in parts", since: "5.12", attr: { sampleType: SampleFormat.WEIGHT_STRUCT } },
  userStacks: {
    purpose: "registers and stack of user space in samples",
    since: "3.7",
    needs: "a processor whose registers the kernel can sample",
    attr: { sampleType: SampleFormat.REGS_USER | SampleFormat.STACK_USER, sampleRegsUser: 1, sampleStackUser: 8 },
  },
  clockId: { purpose: "one clock for all CPUs", since: "4.1", attr: { clockId: Clock.MONOTONIC } },
  contextSwitchRecords: {
    purpose: "records of context switches",
    since: "4.3",
    attr: { flags: { contextSwitch: true } },
  },
  namespaceRecords: { purpose: "records of namespaces", since: "4.12", attr: { flags: { namespaces: true } } },
  cgroupRecords: {
    purpose: "records of new cgroups",
    since: "5.7",
    needs: "CONFIG_CGROUP_PERF",
    attr: { flags: { cgroup: true } },
  },
  buildIds: {
    purpose: "build ids in records of mappings",
    since: "5.12",
    attr: { flags: { mmap2: true, buildId: true } },
  },
  hardwareCounters: {
    purpose: "the processor's counters",
    since: "2.6.32",
    needs: "a performance monitoring unit; virtual machines often have none",
    attr: { type: PerfType.HARDWARE, config: HardwareEvent.INSTRUCTIONS },
  },
  breakpoints: {
    purpose: "accesses to an address, counted",
    since: "2.6.34",
    needs: "a processor with debug registers that the kernel may use",
    attr: {
      type: PerfType.BREAKPOINT,
      config: 0,
      breakpointType: BreakpointType.WRITE,
      config1: 0x1000,
      config2: 4,
    },
  },
} as const satisfies Record<string, FeatureNeeds>;

export type FeatureName = keyof typeof featureTable;
