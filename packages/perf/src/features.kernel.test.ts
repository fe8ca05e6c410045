import { existsSync } from "node:fs";
import { release } from "node:os";
import { requires, unmetNeeds } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventMonitor } from "./event-monitor.js";
import { type Features, features } from "./features.js";

const onKernel = requires({ perf: true });

onKernel("what is found is what can be used", async () => {
  const found = await features({ refresh: true });
  assert.is(found.kernel, release());
  assert.ok(typeof found.paranoid === "number" && typeof found.ringLimit === "number");
  assert.is(found.kprobes.supported, unmetNeeds({ kprobes: true }).length === 0);
  assert.is(found.uprobes.supported, unmetNeeds({ uprobes: true }).length === 0);
  assert.is(found.btf.supported, existsSync("/sys/kernel/btf/vmlinux"));
  assert.is(found.lostCounts.supported, unmetNeeds({ kernel: "6.0" }).length === 0);
  for (const name of ["perfEvents", "systemWide", "tracefs", "symbols", "clockId", "cgroupTargets"] as const) {
    assert.ok(found[name].supported, `${name}: ${found[name].reason}`);
  }
  assert.match(found.cgroupTargets.detail ?? "", /^cgroup v[12] at \//);
});

onKernel("what is not there is refused with its name and the kernel that has it", async () => {
  const found: Features = await features();
  await using monitor = await EventMonitor.open();
  const counters = {
    hardwareCounters: { hardware: "CPU_CYCLES" },
    breakpoints: { breakpoint: { address: 0x1000, access: "write" } },
  } as const;
  for (const name of ["hardwareCounters", "breakpoints"] as const) {
    const id = await monitor.registerCounterGroup([counters[name]], () => {}).catch((error) => error);
    if (found[name].supported) assert.type(id, "number", name);
    else assert.equal([id.code, id.feature, id.kernel], ["unsupported", name, found[name].since]);
  }
  if (found.kprobes.supported) return;
  const error = await monitor.registerKprobe("do_exit", () => {}).catch((error) => error);
  assert.equal([error.code, error.feature, error.kernel], ["unsupported", "kprobes", "4.20"]);
});

test.run();
