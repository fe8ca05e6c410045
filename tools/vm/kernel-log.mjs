/**
 * Finds what a healthy kernel does not say: warnings, bugs, oopses, lockdep reports, stalls.
 *
 * @param {string} log The whole log from the boot on, as `dmesg -r` prints it.
 * @param {number} tainted `/proc/sys/kernel/tainted`, a set of bits (Documentation/admin-guide/tainted-kernels.rst).
 * @returns {string[]} One line for each fault; none when the log is clean.
 */
export function kernelFaults(log, tainted) {
  const messages = log.split("\n").map((line) => line.replace(prefix, ""));
  const faults = messages.filter((message) => faultPatterns.some((pattern) => pattern.test(message)));
  for (const [bit, meaning] of badTaints) {
    if (tainted & bit) faults.push(`the kernel is tainted: ${meaning}`);
  }
  if (!messages.some((message) => message.startsWith("Linux version "))) {
    faults.push("the kernel log does not start with the boot: it was cleared, or more was said than it holds");
  }
  return faults;
}

/**
 * Cuts the part out of a log that a person has to see: from a little before the first fault on.
 *
 * @param {string} log As for `kernelFaults`.
 * @param {number} [limit] Greatest number of lines.
 * @returns {string[]}
 */
export function faultExcerpt(log, limit = 60) {
  const lines = log.trimEnd().split("\n");
  const first = lines.findIndex((line) => faultPatterns.some((pattern) => pattern.test(line.replace(prefix, ""))));
  return first === -1 ? [] : lines.slice(Math.max(0, first - 2), Math.max(0, first - 2) + limit);
}

// Priority, time and, with CONFIG_PRINTK_CALLER, the thread or processor.
const prefix = /^(<\d+>)?(\[ *\d+\.\d+\])?(\[ *[TC]\d+\])? ?/;

// Anchored, as the same words stand harmlessly inside other messages, such as a fault in a user program ("traps: …").
const faultPatterns = [
  // WARN() (kernel/panic.c), lockdep (kernel/locking/lockdep.c) and suspicious RCU usage.
  /^WARNING: /,
  /^-+\[ cut here \]-+$/,
  // Page faults, null pointers, sleeping or scheduling while atomic, KASAN, KFENCE, soft lockups.
  /^(watchdog: )?BUG: /,
  /^kernel BUG at /,
  // die() (arch/x86/kernel/dumpstack.c): "Oops: 0002 [#1]", "general protection fault, …: 0000 [#1]", "int3: 0000 [#1]".
  /: [0-9a-f]{4} \[#\d+\]/,
  /^Oops\b/,
  /^Kernel panic\b/,
  // kernel/rcu/tree_stall.h
  /^rcu: INFO: .*\b(detected|stall)/,
  /^rcu: .*kthread starved\b/,
  // kernel/watchdog.c
  /^(NMI )?watchdog: .*\blockup\b/i,
  // kernel/hung_task.c
  /^INFO: task .* blocked for more than /,
  /^INFO: (possible|inconsistent|suspicious|trying to register) /,
  /^(UBSAN|KCSAN): /,
  /^refcount_t: /,
  /^list_(add|del) corruption/,
  /^page dumped because: /,
  /^unregister_netdevice: waiting for /,
];

/** @type {readonly (readonly [number, string])[]} */
const badTaints = [
  [1 << 4, "machine check (M)"],
  [1 << 5, "bad page (B)"],
  [1 << 7, "oops or BUG (D)"],
  [1 << 9, "warning (W)"],
  [1 << 14, "soft lockup (L)"],
];
