import * as assert from "node:assert/strict";
import { test } from "uvu";
import { faultExcerpt, kernelFaults } from "./kernel-log.mjs";

const boot = `<5>[    0.000000] Linux version 6.1.0-99-amd64 (someone@example.org)
<6>[    0.000000] Spectre V2 : Vulnerable
<4>[    0.300000] ACPI BIOS Error (bug): Could not resolve symbol, AE_NOT_FOUND
<6>[    0.900000] rcu: Hierarchical SRCU implementation.
<6>[    1.000000] NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.
<4>[    2.000000] hrtimer: interrupt took 21000000 ns
<4>[    3.000000] process 'x' launched '/dev/fd/3' with NULL argv: empty string added
<6>[    4.000000] traps: node[77] general protection fault ip:1 sp:2 error:0 in node[400000+1000]
<6>[    4.000001] node[78]: segfault at 0 ip 0000000000000000 sp 00007ffd error 14 in node[400000+1000]
<6>[    5.000000] Memory cgroup out of memory: Killed process 99 (a WARNING: b)
`;

test("a log without faults has none", () => {
  assert.deepEqual(kernelFaults(boot, 0), []);
  assert.deepEqual(faultExcerpt(boot), []);
});

for (const message of [
  "WARNING: CPU: 0 PID: 1 at kernel/trace/trace.c:1 f+0x1/0x2",
  "WARNING: possible circular locking dependency detected",
  "WARNING: suspicious RCU usage",
  "------------[ cut here ]------------",
  "BUG: kernel NULL pointer dereference, address: 0000000000000010",
  "BUG: sleeping function called from invalid context at mm/slab.h:1",
  "BUG: KASAN: slab-out-of-bounds in f+0x1/0x2",
  "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [node:1]",
  "watchdog: Watchdog detected hard LOCKUP on cpu 0",
  "kernel BUG at mm/slub.c:1!",
  "Oops: 0002 [#1] PREEMPT SMP NOPTI",
  "Oops: general protection fault, probably for non-canonical address 0x1: 0000 [#1] PREEMPT SMP",
  "general protection fault, probably for non-canonical address 0x1: 0000 [#1] PREEMPT SMP",
  "int3: 0000 [#1] PREEMPT SMP",
  "Kernel panic - not syncing: Fatal exception",
  "rcu: INFO: rcu_preempt self-detected stall on CPU",
  "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
  "rcu: INFO: rcu_sched detected expedited stalls on CPUs/tasks: { 0-... }",
  "rcu: rcu_preempt kthread starved for 5000 jiffies! g1 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x0 ->cpu=0",
  "INFO: task node:1 blocked for more than 120 seconds.",
  "INFO: possible recursive locking detected",
  "refcount_t: underflow; use-after-free.",
  "UBSAN: array-index-out-of-bounds in a.c:1:1",
]) {
  test(`finds: ${message}`, () => {
    const log = `${boot}<4>[    6.000000] ${message}\n<4>[    6.000001] Call Trace:\n`;
    assert.deepEqual(kernelFaults(log, 0), [message]);
    const withThread = log.replaceAll(/^(<\d+>\[ *[\d.]+\]) /gm, "$1[   T12] ");
    assert.deepEqual(kernelFaults(withThread, 0), [message]);
  });
}

test("what a program writes to /dev/kmsg counts", () => {
  assert.deepEqual(kernelFaults(`${boot}<12>[    6.000000] WARNING: from outside\n`, 0), ["WARNING: from outside"]);
});

test("taints count that tell of faults, and no others", () => {
  assert.deepEqual(kernelFaults(boot, (1 << 9) | (1 << 12) | (1 << 7)), [
    "the kernel is tainted: oops or BUG (D)",
    "the kernel is tainted: warning (W)",
  ]);
  assert.deepEqual(kernelFaults(boot, (1 << 0) | (1 << 12) | (1 << 13)), []);
});

test("a log that lost its start is a fault", () => {
  assert.equal(kernelFaults(boot.slice(boot.indexOf("\n") + 1), 0).length, 1);
  assert.equal(kernelFaults("", 0).length, 1);
});

test("the excerpt starts shortly before the first fault and is bounded", () => {
  const lines = Array.from({ length: 100 }, (_, i) => `<4>[    7.000000] line ${i}`);
  const log = [...lines, "<4>[    7.000000] BUG: x", ...lines].join("\n");
  const excerpt = faultExcerpt(log, 10);
  assert.equal(excerpt.length, 10);
  assert.equal(excerpt[0], "<4>[    7.000000] line 98");
  assert.equal(excerpt[2], "<4>[    7.000000] BUG: x");
});

test.run();
