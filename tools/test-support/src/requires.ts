import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { type Test, test } from "uvu";

/** What a test needs of the host beside Node. */
export interface Needs {
  /** Effective user 0. */
  root?: boolean;
  /** `perf_event_open(2)` and tracepoints. */
  perf?: boolean;
  /** Kernel probes: `kprobe_events` in tracefs (CONFIG_KPROBE_EVENTS). */
  kprobes?: boolean;
  /** User probes: `uprobe_events` in tracefs (CONFIG_UPROBE_EVENTS). */
  uprobes?: boolean;
  /** BTF of the kernel in `/sys/kernel/btf/vmlinux`. */
  btf?: boolean;
  /** A second CPU that may be taken offline: there is one only in the test bed, for nobody else works on it. */
  hotplug?: boolean;
  /** A kernel that nobody else uses, since what the test does to it shows everywhere: the test bed's. */
  ownKernel?: boolean;
  /** Lowest kernel release, such as `6.0`. */
  kernel?: string;
  /** Programs that must be there, by absolute path. */
  programs?: readonly string[];
}

/** A test is declared with its name and body, as with uvu's `test`. */
export type RequiringTest = (name: string, body: () => Promise<void> | void) => void;

/**
 * Returns a `test` for bodies that need something of the host. All unmet needs are listed at once: the test is skipped
 * and says so. In the VM test bed (`KERNSCOPE_VM`) everything is there but what needs a newer kernel: an unmet need fails.
 */
export function requires(needs: Needs, suite: Test = test): RequiringTest {
  const unmet = unmetNeeds(needs);
  if (unmet.length === 0) return suite;
  const reason = `needs ${unmet.join(", ")} (kernel ${release()})`;
  const tooOld = needs.kernel !== undefined && unmetNeeds({ kernel: needs.kernel }).length > 0;
  if (process.env.KERNSCOPE_VM && !tooOld) {
    return (name) =>
      suite(name, () => {
        throw new Error(`${name}: ${reason}, which the test bed has to have`);
      });
  }
  return (name) => {
    console.log(`skipped: ${name}: ${reason}`);
    suite.skip(name);
  };
}

/** Lists what of `needs` this host does not have, each in a few words. */
export function unmetNeeds(needs: Needs): string[] {
  const unmet: string[] = [];
  if (process.platform !== "linux") return [`Linux (this is ${process.platform})`];
  if ((needs.root || needs.perf || needs.kprobes || needs.uprobes) && process.geteuid?.() !== 0) unmet.push("root");
  if (needs.perf && !existsSync("/proc/sys/kernel/perf_event_paranoid")) unmet.push("perf events (CONFIG_PERF_EVENTS)");
  if (needs.kprobes && !hasSymbol("register_kprobe")) unmet.push("kprobes (CONFIG_KPROBES)");
  if (needs.uprobes && !existsSync("/sys/bus/event_source/devices/uprobe")) unmet.push("uprobes (CONFIG_UPROBES)");
  if (needs.btf && !existsSync("/sys/kernel/btf/vmlinux")) unmet.push("BTF (CONFIG_DEBUG_INFO_BTF)");
  if (needs.hotplug && !(process.env.KERNSCOPE_VM && existsSync("/sys/devices/system/cpu/cpu1/online"))) {
    unmet.push("a test bed with a CPU that can be taken offline");
  }
  if (needs.ownKernel && !process.env.KERNSCOPE_VM) unmet.push("a kernel of its own (the test bed)");
  if (needs.kernel !== undefined && !isAtLeast(release(), needs.kernel)) unmet.push(`kernel ${needs.kernel}`);
  for (const program of needs.programs ?? []) if (!existsSync(program)) unmet.push(program);
  return unmet;
}

function hasSymbol(symbol: string): boolean {
  return readFileSync("/proc/kallsyms", "latin1").includes(` ${symbol}\n`);
}

function isAtLeast(have: string, want: string): boolean {
  const [haveMajor = 0, haveMinor = 0] = have.split(".").map((part) => Number.parseInt(part, 10));
  const [wantMajor = 0, wantMinor = 0] = want.split(".").map((part) => Number.parseInt(part, 10));
  return haveMajor > wantMajor || (haveMajor === wantMajor && haveMinor >= wantMinor);
}
