import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, copyFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { compileProgram, requires, unmetNeeds } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { actorSource } from "./actor.test.program.js";
import { KernelBed, scaled, startProgram, withBed } from "./kernel-bed.test.support.js";
import type { ProcessExitEvent } from "./process-events.js";
import { ProcessIds } from "./process-id.js";
import { Procfs } from "./procfs.js";

const kernel = requires({ root: true, perf: true, programs: ["/bin/true", "/bin/sh", "/usr/bin/cc"] });
const procfs = new Procfs();
const actor = compileProgram("actor", actorSource, ["-pthread"]);

/** Exits with the count of its arguments, or kills itself if the first is `kill`; without a C library, by `int $0x80`. */
const bits32Source = String.raw`
static int call(int number, int first, int second) {
  int result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second), "D"(99) : "memory");
  return result;
}
__attribute__((used)) static void run(int *stack) {
  const char *first = *(char **)(stack + 2);
  if (stack[0] > 1 && first[0] == 'k') call(37, call(20, 0, 0), 9);
  call(1, stack[0], 0);
}
__asm__(".global _start\n_start: mov %esp, %eax\n push %eax\n call run\n");
`;

test.after(() => actor[Symbol.dispose]());

/** Before 6.16 the registers are gone when `sched_process_exit` is hit: a code that was given to exit(2) is not known then. */
const tellsExit = unmetNeeds({ kernel: "6.16" }).length === 0;

function checkExit(event: ProcessExitEvent | undefined, code: number): void {
  // Then only /proc tells, as long as nobody has waited for the process.
  if (!tellsExit && event?.status === undefined) assert.is(event?.certain, false);
  else assert.equal([event?.status, event?.code, event?.signal, event?.certain], [code << 8, code, 0, true]);
}

for (const parallel of [1, 8]) {
  kernel(
    `${scaled(1000)} short-lived programs, ${parallel} at a time: all arguments, all exits, in order`,
    withBed(async (bed) => {
      const { pid: parent, lines } = await bed.run(actor.path, "storm", `${scaled(1000)}`, `${parallel}`);
      assert.is(lines.length, scaled(1000));
      for (const [pid, ...words] of lines) {
        const [forks, execs, exits] = [bed.forksOf(Number(pid)), bed.execsOf(Number(pid)), bed.exitsOf(Number(pid))];
        assert.equal([forks.length, execs.length, exits.length], [1, 1, 1], pid);
        assert.equal(execs[0]?.event.commandLine, ["/bin/true", ...words]);
        assert.is(execs[0]?.event.truncated, false);
        assert.is(execs[0]?.event.parentPid, parent);
        checkExit(exits[0]?.event, 0);
        assert.ok(forks[0]!.at < execs[0]!.at && execs[0]!.at < exits[0]!.at, pid);
        assert.ok(forks[0]!.event.childTask === execs[0]!.event.task && execs[0]!.event.task === exits[0]!.event.task);
      }
      assert.is((await bed.monitor.loss()).total.lost, 0n);
    }),
  );
}

for (const [name, microseconds] of [
  ["reaped at once", "0"],
  ["left as zombies for a while", "30000"],
] as const) {
  kernel(
    `ways to die, ${name}: the status is that of wait(2)`,
    withBed(async (bed) => {
      const { lines } = await bed.run(actor.path, "die", microseconds);
      assert.is(lines.length, 26);
      // An end is told later where it is not sure at once.
      await bed.until(() => lines.every(([, pid]) => bed.exitsOf(Number(pid)).length > 0));
      for (const [way, pid, status] of lines) {
        const raw = Number(status);
        const exits = bed.exitsOf(Number(pid));
        assert.is(exits.length, 1, way);
        const { event } = exits[0]!;
        // A timer's signal that is sent while a CPU idles has no record on some kernels (it is counted as a hit, not as
        // lost): then nothing is known but that a signal ended the process, and the event says so.
        if (way === "alarm" && event.status === undefined) {
          assert.is(event.certain, false);
          continue;
        }
        assert.is(event.task.exitStatus, event.status);
        const isExit = (raw & 0x7f) === 0;
        if (isExit && !tellsExit && event.status === undefined) {
          assert.is(event.certain, false);
          continue;
        }
        const told = `${way}: ${JSON.stringify({ ...event, task: 0 })}`;
        assert.is(event.signal, raw & 0x7f, told);
        assert.is(event.code, isExit ? raw >> 8 : undefined, told);
        // With several threads only /proc knows of the core, and only while nobody has waited.
        if (event.coreDumped === undefined) assert.match(told, /thread|leader/);
        else assert.is(event.status, raw, told);
      }
    }),
  );
}

for (const leaderFirst of ["0", "1"]) {
  kernel(
    `exec by a thread that is not the leader${leaderFirst === "1" ? ", which has ended" : ""}`,
    withBed(async (bed) => {
      const { pid, lines } = await bed.run(actor.path, "thread-exec", leaderFirst);
      const [process, thread] = lines[0]!.map(Number);
      assert.is(process, pid);
      const execs = bed.execsOf(pid);
      assert.is(execs.length, 2);
      assert.equal(execs[1]?.event.commandLine, ["/bin/true", "by", "thread"]);
      assert.is(execs[1]?.event.oldPid, thread);
      assert.is(execs[1]?.event.task, execs[0]?.event.task);
      assert.is(execs[1]?.event.task.command, "true");
      assert.is(bed.forksOf(thread!)[0]?.event.childTask.tgid, pid);
      assert.ok(bed.forksOf(thread!)[0]?.event.childTask.exitTime !== undefined);
      const exits = bed.exitsOf(pid);
      assert.is(exits.length, 1);
      checkExit(exits[0]?.event, 0);
      assert.is(bed.exitsOf(thread!).length, 0);
    }),
  );
}

kernel(
  "a 32-bit program: its arguments, and its code or signal",
  withBed(async (bed) => {
    using program = compileProgram("bits32", bits32Source, ["-m32", "-static", "-nostdlib", "-ffreestanding"]);
    // Not every kernel runs 32-bit programs.
    if (spawnSync(program.path, ["x"]).error !== undefined) return;
    for (const args of [
      ["a", "b c", ""],
      ["kill", "x".repeat(3000)],
    ]) {
      const { pid } = await bed.run(program.path, ...args);
      assert.equal(bed.execsOf(pid)[0]?.event.commandLine, [program.path, ...args]);
      assert.is(bed.execsOf(pid)[0]?.event.truncated, false);
      assert.is(bed.execsOf(pid)[0]?.event.uid, 0);
      if (args[0] === "kill") assert.is(bed.exitsOf(pid)[0]?.event.status, 9);
      else checkExit(bed.exitsOf(pid)[0]?.event, 4);
    }
  }),
);

kernel(
  "vfork, posix_spawn and CLONE_PARENT",
  withBed(async (bed) => {
    const { pid, lines } = await bed.run(actor.path, "spawn-ways");
    const [byVfork, bySpawn, sibling] = lines[0]!.map(Number);
    for (const child of [byVfork!, bySpawn!]) {
      assert.equal(bed.execsOf(child)[0]?.event.commandLine, ["/bin/true", "spawned"]);
      assert.is(bed.execsOf(child)[0]?.event.parentPid, pid);
    }
    assert.is(bed.forksOf(sibling!)[0]?.event.childTask.parentPid, process.pid);
    assert.is(bed.forksOf(sibling!)[0]?.event.task.pid, pid);
  }),
);

kernel(
  "a process keeps the parent that made it when that is gone",
  withBed(async (bed) => {
    const { pid, lines } = await bed.run(actor.path, "double-fork");
    const [child, grandchild] = lines[0]!.map(Number);
    const exec = bed.execsOf(grandchild!)[0]?.event;
    assert.equal(exec?.commandLine, ["/bin/true", "orphan"]);
    assert.is(exec?.parentPid, child);
    assert.is(exec?.task.parent?.parentPid, pid);
    assert.equal(
      bed.cache
        .ancestors(exec!.task)
        .slice(0, 3)
        .map((task) => task.pid),
      [child, pid, process.pid],
    );
    assert.ok(bed.exitsOf(child!)[0]!.at < bed.exitsOf(grandchild!)[0]!.at);
  }),
);

kernel(
  "no arguments, and arguments with newlines and bytes that are no UTF-8",
  withBed(async (bed) => {
    const { lines } = await bed.run(actor.path, "odd-argv");
    const [none, odd] = lines.map(([pid]) => bed.execsOf(Number(pid))[0]?.event);
    // Since 5.18 the kernel gives an empty first argument.
    assert.ok(none?.commandLine.length === 0 || none?.commandLine.join() === "");
    assert.is(none?.truncated, false);
    assert.equal(odd?.commandLine, ["line\nbreak", "", "\ufffd\ufffd bytes \ufffd", "café", " "]);
    assert.is(odd?.truncated, false);
  }),
);

kernel(
  "128 kB of arguments: all of a program that lives, never a wrong one of one that does not",
  withBed(async (bed) => {
    const long = Array.from({ length: 13_000 }, (_, index) => `${index}-word`);
    const living = ["-c", "sleep 0.3", "name", "x".repeat(131_000)];
    const first = await bed.run("/bin/sh", ...living);
    assert.equal(bed.execsOf(first.pid)[0]?.event.commandLine, ["/bin/sh", ...living]);
    assert.is(bed.execsOf(first.pid)[0]?.event.truncated, false);
    const many = await bed.run("/bin/sh", "-c", "sleep 0.3", "name", ...long);
    assert.equal(bed.execsOf(many.pid)[0]?.event.commandLine.slice(4), long);
    for (const args of [["x".repeat(131_000)], long]) {
      const { pid } = await bed.run("/bin/true", ...args);
      const { commandLine, truncated } = bed.execsOf(pid)[0]!.event;
      const whole = ["/bin/true", ...args].join("\0");
      const seen = commandLine.join("\0");
      assert.ok(truncated ? whole.startsWith(seen) : whole === seen);
    }
  }),
);

kernel(
  "1,000 renames leave the identity, and each thread has its own name",
  withBed(async (bed) => {
    const { child, pid, lines } = await bed.startUntil(1, actor.path, "rename", "1000");
    const task = bed.cache.lookupTask(pid);
    assert.is(`${pid} ${task.command}`, lines[0]?.join(" "));
    assert.is(task.processId, bed.forksOf(pid)[0]?.event.childTask.processId);
    assert.equal(task.commandLine, [actor.path, "rename", "1000"]);
    assert.equal(
      bed.cache.threads(task).map(({ command }) => command),
      ["name 999", "worker"],
    );
    await bed.finish(child);
  }),
);

kernel(
  "threads come and go with their process",
  withBed(async (bed) => {
    const { child, pid } = await bed.startUntil(1, actor.path, "threads", "50");
    const leader = bed.cache.lookupTask(pid);
    // Who joins a thread goes on a little before it is gone.
    await bed.until(() => bed.cache.threads(leader).length <= 51);
    const live = bed.cache.threads(leader).map(({ pid }) => pid);
    const inProc = readdirSync(`/proc/${pid}/task`).map(Number);
    assert.equal(live.sort(), inProc.sort());
    assert.is(live.length, 51);
    const made = bed.forks.filter(({ event }) => event.childTask.leader === leader && !event.childTask.isLeader);
    assert.is(made.length, 100);
    assert.ok(made.every(({ event }) => event.childTask.processId === leader.processId));
    await bed.finish(child);
    assert.equal(bed.cache.threads(leader), []);
    assert.is(bed.exitsOf(pid).length, 1);
  }),
);

kernel(
  "the id of a process is the same from its fork event and from /proc",
  withBed(async (bed) => {
    const count = process.env.KERNSCOPE_VM ? 100 : 300;
    const { child, lines } = await bed.startUntil(count, actor.path, "wait-many", `${count}`);
    const ids = new ProcessIds(procfs.bootId()!);
    for (const pid of lines.map(Number)) {
      const task = bed.cache.lookupTask(pid);
      assert.equal(task.origin("startTime"), { source: "tracepoint", complete: true });
      assert.is(task.processId, ids.of(pid, procfs.stat(pid)!.startTick));
    }
    await bed.finish(child);
  }),
);

kernel(
  "ids that were changed before an exec, and set-user-id programs",
  withBed(async (bed) => {
    const set = join(dirname(actor.path), "set-id");
    copyFileSync("/bin/true", set);
    chownSync(set, 4711, 0);
    chmodSync(set, 0o4755);
    chmodSync(dirname(set), 0o755);
    const { lines } = await bed.run(actor.path, "change-ids", "1234", "1234", set);
    const event = bed.execsOf(Number(lines[0]?.[0]))[1]?.event;
    assert.equal([event?.uid, event?.euid], [1234, 4711]);
    const plain = await bed.run("/bin/true");
    const { uid, euid, credsOrigin } = bed.execsOf(plain.pid)[0]!.event;
    const source = unmetNeeds({ kprobes: true, btf: true }).length === 0 ? "kprobe" : "tracepoint";
    assert.equal([uid, euid, credsOrigin], [0, 0, { source, complete: true }]);
  }),
);

kernel("a cache that is opened in a storm loses nothing and applies nothing twice", async () => {
  const count = scaled(3000);
  using witness = startProgram("/bin/sleep", ["1200"]);
  using load = startProgram(actor.path, ["storm", `${count}`, "4"]);
  const lines: string[] = [];
  const reader = createInterface(load.stdout);
  reader.on("line", (line) => lines.push(line));
  await new Promise((resolve) => setTimeout(resolve, 100));
  await using bed = await KernelBed.open();
  bed.go();
  await bed.cache.ready;
  await once(reader, "close");
  await bed.settle();
  assert.is(lines.length, count);
  let seen = 0;
  // Pids in the order of their start: once a fork was seen, nothing is missing any more of what came later.
  for (const line of lines) {
    const [pid, ...words] = line.split(" ");
    const [forks, execs, exits] = [bed.forksOf(Number(pid)), bed.execsOf(Number(pid)), bed.exitsOf(Number(pid))];
    assert.ok(forks.length <= 1 && execs.length <= 1 && exits.length <= 1);
    if (execs.length > 0) assert.equal(execs[0]?.event.commandLine, ["/bin/true", ...words]);
    if (exits.length > 0) checkExit(exits[0]?.event, 0);
    assert.ok(forks.length === 1 || seen === 0, `fork of ${pid}`);
    assert.ok(execs.length === 1 || forks.length === 0, `exec of ${pid}`);
    assert.ok(exits.length === 1 || execs.length === 0, `exit of ${pid}`);
    seen += forks.length;
  }
  assert.ok(seen > count / 3, `${seen} forks`);
  assert.is(bed.exitsOf(load.pid).length, 1);
  for (const pid of await procfs.pids()) {
    const stat = procfs.stat(pid);
    if (stat === undefined || stat.state === "Z") continue;
    assert.ok(bed.cache.lookupTask(pid).exitTime === undefined, `${pid} lives`);
  }
  // Others may have rewritten their arguments, as programs that set a title do.
  for (const pid of [process.pid, witness.pid]) {
    const commandLine = procfs.with(pid, (directory) => directory.commandLine(1 << 20)?.argv);
    assert.equal(bed.cache.lookupTask(pid).commandLine, commandLine);
  }
});

kernel("nothing is left behind", async () => {
  const count = (folder: string) => readdirSync(`/proc/self/${folder}`).length;
  await (await KernelBed.open())[Symbol.asyncDispose]();
  const descriptors = count("fd");
  const threads = count("task");
  for (let round = 0; round < 3; round++) await (await KernelBed.open())[Symbol.asyncDispose]();
  // A thread that has done its work is gone a moment later.
  for (let turn = 0; turn < 500 && count("task") > threads; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.is(count("fd"), descriptors);
  assert.ok(count("task") <= threads);
});

test.run();
