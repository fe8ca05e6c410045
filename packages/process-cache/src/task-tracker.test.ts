import { test } from "uvu";
import * as assert from "uvu/assert";
import { CloneFlag } from "./clone-flags.js";
import { credOfExec } from "./credentials.js";
import { ThreadEnd } from "./exit-status.js";
import type { RecordContext } from "./task-system.js";
import { TaskTracker } from "./task-tracker.js";
import { FakeSystem, tickOf } from "./testing/fake-system.js";

const PTHREAD = CloneFlag.VM | CloneFlag.FS | CloneFlag.FILES | CloneFlag.SIGHAND | CloneFlag.THREAD;
const MS = 1_000_000;

/** A tracker on a system with init and a shell (pid 10), and short hands for its events. */
function setUp({ groupDead = true } = {}) {
  const system = new FakeSystem();
  system.add(1, { command: "init" });
  system.add(10, { command: "sh", argv: ["/bin/sh"], parentPid: 1 });
  const finder = system.finder();
  const tracker = new TaskTracker(finder);
  let elapsed = 5 * MS;
  const context = (tid: number, pid: number, cgroup = 0): RecordContext => {
    elapsed += 1000;
    return { tid, pid, cgroup, elapsed };
  };
  const tell = (dead: boolean) => (groupDead ? dead : undefined);
  return {
    system,
    finder,
    tracker,
    context,
    at: () => elapsed,
    advance: (nanos: number) => {
      elapsed += nanos;
    },
    fork: (parent: number, child: number, flags = 0) => tracker.forked(context(parent, parent), child, "sh", flags),
    exec: (pid: number, argv: string[], oldPid = pid, ids?: Parameters<typeof tracker.executed>[1]["ids"]) =>
      tracker.executed(context(pid, pid), {
        pid,
        oldPid,
        filename: argv[0] ?? "",
        args: { argv, truncated: false, origin: { source: "tracepoint", complete: true } },
        ids,
        startStack: undefined,
      }),
    exit: (tid: number, pid: number, end: number, dead = true) =>
      tracker.exited(context(tid, pid), { command: "x", end, groupDead: tell(dead) }, () => "ticket"),
  };
}

test("fork, exec and exit of a process", () => {
  const { fork, exec, exit, finder, at, system } = setUp();
  system.startTicks.set(100, tickOf(5 * MS));
  const forked = fork(10, 100);
  assert.is(forked.task.pid, 10);
  const task = forked.childTask;
  assert.equal([task.pid, task.tgid, task.isLeader, task.parentPid, task.command], [100, 100, true, 10, "sh"]);
  assert.is(task.parent, forked.task);
  assert.equal(task.commandLine, ["/bin/sh"]);
  assert.is(task.startTime, at());
  assert.equal(task.origin("startTime"), { source: "tracepoint", complete: true });
  assert.is(task.processId, `0123456789ab-100-${tickOf(at())}`);

  const executed = exec(100, ["/bin/true", "a b"]);
  assert.is(executed.task, task);
  assert.equal(task.commandLine, ["/bin/true", "a b"]);
  assert.is(task.filename, "/bin/true");
  assert.equal(finder.lookup(10).commandLine, ["/bin/sh"]);

  const exited = exit(100, 100, 3);
  assert.is(exited?.task, task);
  assert.equal([exited?.status, exited?.code, exited?.signal, exited?.coreDumped], [0x300, 3, 0, false]);
  assert.equal([task.exitTime, task.exitStatus], [at(), 0x300]);
  assert.is(finder.lookup(100), task);
});

test("what a lineage tells of a task does not change without the version of lineages", () => {
  const { fork, exec, exit, finder, tracker, system } = setUp();
  system.add(50);
  let version = finder.lineageVersion;
  const changes = (what: string, change: () => unknown) => {
    change();
    assert.ok(finder.lineageVersion > version, what);
    version = finder.lineageVersion;
  };
  changes("a parent and an id", () => fork(10, 100));
  changes("an executable", () => exec(100, ["/bin/sleep"]));
  changes("a name", () => tracker.renamed(100, "other"));
  changes("one that /proc tells of", () => finder.lookup(50));
  assert.is(finder.lookup(100).parent, finder.lookup(10));
  exit(100, 100, 0);
  assert.is(finder.lineageVersion, version, "nothing of that");
});

test("the id of a process that lives is /proc's however late its fork event, and /proc is asked only if it must", () => {
  const { fork, advance, at, system } = setUp();
  const began = tickOf(at());
  for (const [pid, delay] of [
    [100, 0],
    [101, 25],
    [102, 303],
  ] as const) {
    advance(delay * MS);
    system.startTicks.set(pid, began);
    const { childTask } = fork(10, pid);
    assert.equal(childTask.origin("startTime"), { source: "tracepoint", complete: true });
    assert.ok(childTask.processId.endsWith(`-${began}`), childTask.processId);
  }
  assert.is(system.tickReads, 3);
  // The maker wrote a record in the same tick: then it is the only one possible.
  assert.ok(fork(10, 103).childTask.processId.endsWith(`-${tickOf(at())}`));
  assert.is(system.tickReads, 3);
});

test("a process that is gone has the id of its likely start, and says so; a later owner's start is not taken for it", () => {
  const { fork, advance, at, system } = setUp();
  for (const told of [undefined, tickOf(at() + 500 * MS)]) {
    advance(100 * MS);
    if (told !== undefined) system.startTicks.set(100, told);
    const { childTask } = fork(10, 100);
    assert.ok(childTask.processId.endsWith(`-${tickOf(at())}`));
    assert.equal(childTask.origin("startTime"), { source: "tracepoint", complete: false });
  }
});

for (const groupDead of [true, false]) {
  const kernel = groupDead ? "6.16 and later" : "before 6.16";

  test(`a process ends once, with the last of its threads (${kernel})`, () => {
    const { fork, exit, tracker } = setUp({ groupDead });
    const { childTask } = fork(10, 100);
    const threads = [101, 102, 103].map((tid) => fork(100, tid, PTHREAD).childTask);
    assert.ok(threads.every((thread) => thread.tgid === 100 && thread.leader === childTask && !thread.isLeader));
    assert.ok(threads.every((thread) => thread.processId === childTask.processId && thread.parent?.pid === 10));
    assert.is(exit(102, 100, 0, false), undefined);
    assert.is(exit(100, 100, 0, false), undefined);
    assert.is(childTask.exitTime, undefined);
    assert.is(exit(101, 100, 0, false), undefined);
    const last = exit(103, 100, 5);
    assert.is(last?.task, childTask);
    assert.is(last?.code, 5);
    assert.is(exit(103, 100, 5), undefined);
    assert.ok(tracker.isSettled);
  });

  test(`a leader that ends first leaves a process that can still execute a program (${kernel})`, () => {
    const { fork, exec, exit } = setUp({ groupDead });
    const { childTask } = fork(10, 100);
    fork(100, 101, PTHREAD);
    fork(100, 102, PTHREAD);
    exit(100, 100, 0, false);
    exit(102, 100, ThreadEnd.KILLED, false);
    const executed = exec(100, ["/bin/new"], 101);
    assert.is(executed.task, childTask);
    assert.is(executed.oldPid, 101);
    assert.equal(childTask.commandLine, ["/bin/new"]);
    const exited = exit(100, 100, 7);
    assert.equal([exited?.task, exited?.code, exited?.certain], [childTask, 7, true]);
  });
}

test("exec by a thread that is not the leader: it becomes the process, its pid is free", () => {
  const { fork, exec, finder, tracker, context } = setUp();
  const leader = fork(10, 100).childTask;
  const thread = fork(100, 101, PTHREAD).childTask;
  const idle = fork(100, 102, PTHREAD).childTask;
  tracker.renamed(101, "worker");
  // As execve(2) does it, under the pid that the thread has then.
  tracker.renamed(100, "new");
  exec(100, ["/bin/new"], 101);
  assert.is(leader.command, "new");
  assert.ok(thread.exitTime !== undefined && idle.exitTime !== undefined);
  assert.is(leader.exitTime, undefined);
  assert.equal(finder.table.stats().living, 3);
  const other = tracker.forked(context(10, 10), 101, "sh", 0).childTask;
  assert.is.not(other, thread);
  assert.is(finder.lookup(101), other);
});

test("the last thread's record comes before that of one that ended earlier", () => {
  const { fork, exit, tracker } = setUp();
  fork(10, 100);
  fork(100, 101, PTHREAD);
  assert.is(exit(101, 100, ThreadEnd.KILLED, true), undefined);
  assert.not(tracker.isSettled);
  const exited = exit(100, 100, 5, false);
  assert.equal([exited?.code, exited?.certain], [5, true]);
  assert.ok(tracker.isSettled);
});

test("a thread whose end is never seen delays the process's, it does not swallow it", () => {
  const { fork, exit, tracker, at } = setUp();
  const { childTask } = fork(10, 100);
  const thread = fork(100, 101, PTHREAD).childTask;
  assert.is(exit(100, 100, 5, true), undefined);
  tracker.settle(at());
  assert.equal(tracker.takeSettled(), []);
  tracker.settle(at() + 1);
  const settled = tracker.takeSettled();
  assert.equal([settled.length, tracker.takeSettled().length], [1, 0]);
  assert.is(settled[0]?.event.task, childTask);
  assert.is(settled[0]?.event.code, 5);
  assert.is(settled[0]?.ticket, "ticket");
  assert.ok(thread.exitTime !== undefined);
  assert.ok(tracker.isSettled);
});

test("where the kernel does not tell of names, an exec's is its file's, as far as the kernel keeps it", () => {
  const { fork, exec, tracker } = setUp();
  tracker.namesFromExec = true;
  const task = fork(10, 100).childTask;
  exec(100, ["/usr/bin/a-name-that-is-too-long"]);
  assert.is(task.command, "a-name-that-is-");
  assert.equal(task.origin("command"), { source: "tracepoint", complete: false });
});

test("a signal ends a process", () => {
  const { fork, exit, tracker, context } = setUp();
  fork(10, 100);
  tracker.signalSent(context(10, 10), 100, 15);
  tracker.signalTaken(context(100, 100), 9);
  const exited = exit(100, 100, ThreadEnd.KILLED);
  assert.equal([exited?.status, exited?.signal, exited?.code, exited?.coreDumped], [15, 15, undefined, false]);
});

test("an exec forgets the signals of the program before", () => {
  const { fork, exec, exit, tracker, context } = setUp();
  fork(10, 100);
  tracker.signalTaken(context(100, 100), 11);
  exec(100, ["/bin/true"]);
  assert.is(exit(100, 100, 0)?.code, 0);
});

for (const dumpedCore of [true, false]) {
  test(`the signal to the parent tells ${dumpedCore ? "of" : "that there is no"} core dump`, () => {
    const { fork, exit, tracker, context } = setUp();
    const task = fork(10, 100).childTask;
    tracker.signalTaken(context(100, 100), 11);
    assert.is(exit(100, 100, ThreadEnd.KILLED), undefined);
    tracker.parentTold(context(101, 101), !dumpedCore);
    tracker.parentTold(context(100, 100), dumpedCore);
    const [settled] = tracker.takeSettled();
    assert.equal([settled?.event.signal, settled?.event.coreDumped, settled?.ticket], [11, dumpedCore, "ticket"]);
    assert.is(task.exitStatus, dumpedCore ? 0x8b : 11);
    tracker.parentTold(context(100, 100), dumpedCore);
    assert.equal(tracker.takeSettled(), []);
  });
}

test("the parent is told of the leader's own end: that another thread dumped the core is asked of /proc", () => {
  const { system, fork, exit, tracker, context } = setUp();
  for (const pid of [100, 200, 300]) {
    fork(10, pid);
    fork(pid, pid + 1, PTHREAD);
    tracker.signalTaken(context(pid + 1, pid), 11);
    exit(pid, pid, ThreadEnd.KILLED, false);
    exit(pid + 1, pid, ThreadEnd.KILLED);
  }
  system.exitCodes.set(100, 0x8b);
  tracker.parentTold(context(100, 100), false);
  tracker.parentTold(context(200, 200), false);
  tracker.parentTold(context(300, 300), true);
  const told = tracker.takeSettled().map(({ event }) => [event.task.pid, event.coreDumped]);
  assert.equal(told, [
    [100, true],
    [200, undefined],
    [300, true],
  ]);
});

test("whether a core was dumped stays open if the parent is never told, or the pid has a new owner first", () => {
  const { fork, exit, tracker, context, at, advance } = setUp();
  for (const pid of [100, 101]) {
    fork(10, pid);
    tracker.signalTaken(context(pid, pid), 11);
    exit(pid, pid, ThreadEnd.KILLED);
  }
  advance(50 * MS);
  fork(10, 100);
  assert.equal(
    tracker.takeSettled().map(({ event }) => [event.task.pid, event.coreDumped]),
    [[100, undefined]],
  );
  tracker.settle(at());
  assert.equal(
    tracker.takeSettled().map(({ event }) => [event.task.pid, event.status]),
    [[101, 11]],
  );
  assert.ok(tracker.isSettled);
});

test("a status that is in doubt is asked of /proc", () => {
  const { system, fork, exit } = setUp();
  fork(10, 102);
  system.exitCodes.set(102, 0x600);
  const unknown = exit(102, 102, ThreadEnd.UNKNOWN);
  assert.equal([unknown?.code, unknown?.certain], [6, true]);
  assert.equal(unknown?.task.origin("exit"), { source: "procfs", complete: true });
});

test("CLONE_PARENT makes a sibling", () => {
  const { fork } = setUp();
  fork(10, 100);
  assert.is(fork(100, 101, CloneFlag.PARENT).childTask.parentPid, 10);
});

test("owners of a pid within one tick have ids of their own, whatever their threads were", () => {
  const { fork, exit, finder } = setUp();
  const owners = Array.from({ length: 4 }, (_, index) => {
    if (index === 2) {
      fork(10, 100, PTHREAD);
      exit(100, 10, 0, false);
    }
    const { childTask } = fork(10, 100);
    exit(100, 100, 0);
    return childTask;
  });
  const [first = "", ...later] = owners.map(({ processId }) => processId);
  assert.equal(later, [`${first}-1`, `${first}-2`, `${first}-3`]);
  assert.is(finder.lookup(100), owners[3]);
});

test("a pid's next owner is another task with another id", () => {
  const { fork, exit, finder, advance } = setUp();
  const first = fork(10, 100).childTask;
  exit(100, 100, 0);
  advance(20 * MS);
  const second = fork(10, 100).childTask;
  assert.is.not(second, first);
  assert.is.not(second.processId, first.processId);
  assert.is(finder.lookup(100), second);
  assert.is(first.exitStatus, 0);
  assert.is(finder.table.getAt(100, first.startTime!), first);
});

test("a pid that is forked again although its end was not seen", () => {
  const { fork, exit, finder, advance } = setUp();
  const first = fork(10, 100).childTask;
  const thread = fork(100, 101, PTHREAD).childTask;
  advance(50 * MS);
  const second = fork(10, 100).childTask;
  assert.is(finder.lookup(100), second);
  assert.ok(first.exitTime !== undefined && thread.exitTime !== undefined);
  assert.is(first.exitStatus, undefined);
  assert.is(exit(100, 100, 4)?.task, second);
  assert.equal(finder.table.stats(), { living: 2, exited: 3, evicted: 0, evictedEarly: 0 });
});

test("a fork event that comes after what the child did is put to the same task", () => {
  const { system, tracker, context, exec, exit, at, advance } = setUp();
  const parent = context(10, 10);
  system.add(100, { started: at(), parentPid: 10 });
  advance(1000);
  const task = exec(100, ["/bin/true"]).task;
  const { childTask } = tracker.forked(parent, 100, "sh", 0);
  assert.is(childTask, task);
  assert.equal(task.commandLine, ["/bin/true"]);
  assert.is(task.startTime, parent.elapsed);
  assert.is(task.cloneFlags, 0);
  assert.is(exit(100, 100, 0)?.task, task);
});

test("the same when the child is gone before /proc could be asked", () => {
  const { tracker, context, exec, exit } = setUp();
  const parent = context(10, 10);
  const task = exec(100, ["/bin/true"]).task;
  assert.equal([task.processId, task.parentPid, task.command], ["", 0, "true"]);
  assert.equal(task.origin("command"), { source: "tracepoint", complete: false });
  assert.is(exit(100, 100, 3)?.task, task);
  const { childTask } = tracker.forked(parent, 100, "sh", 0);
  assert.is(childTask, task);
  assert.equal([task.parentPid, task.exitStatus, task.commandLine], [10, 0x300, ["/bin/true"]]);
  assert.not.equal(task.processId, "");
});

test("what /proc told before the events of the same time are handled is neither lost nor applied twice", () => {
  const { system, fork, exec, exit, finder, at } = setUp();
  // /proc is read at a time when all of this has happened and nothing of it was handled.
  system.add(100, { started: at() + 1000, command: "third", argv: ["/bin/third"], parentPid: 10 });
  const scanned = finder.insertSnapshot(system.snapshot(100)!);
  const { childTask } = fork(10, 100);
  assert.is(childTask, scanned);
  assert.equal([scanned.command, scanned.commandLine], ["third", ["/bin/third"]]);
  exec(100, ["/bin/second"]);
  assert.equal(scanned.commandLine, ["/bin/second"]);
  exec(100, ["/bin/third"]);
  assert.is(finder.insertSnapshot(system.snapshot(100)!), scanned);
  const exited = exit(100, 100, 0);
  assert.is(exited?.task, scanned);
  assert.is(exit(100, 100, 0), undefined);
  assert.is(finder.table.stats().living, 2);
});

test("a zombie that the scan found still gets its exit event", () => {
  const { system, exit, finder } = setUp();
  system.add(100, { isZombie: true, argv: [], truncated: true, exitCode: 0x200 });
  const zombie = finder.insertSnapshot(system.snapshot(100)!);
  assert.ok(zombie.retired && zombie.exitStatus === 0x200);
  const exited = exit(100, 100, 2);
  assert.equal([exited?.task, exited?.code], [zombie, 2]);
});

test("an event of a pid's owner before the one that /proc shows goes to neither", () => {
  const { system, exit, finder, advance, at } = setUp();
  advance(1000 * MS);
  system.add(100, { started: at() + 500 * MS });
  const present = finder.insertSnapshot(system.snapshot(100)!);
  const exited = exit(100, 100, 0);
  assert.is.not(exited?.task, present);
  assert.is(present.exitTime, undefined);
  assert.is(finder.lookup(100), present);
  assert.equal(finder.table.stats(), { living: 2, exited: 0, evicted: 0, evictedEarly: 0 });
});

test("a task of which nobody knows anything is still told of", () => {
  const { exit, finder } = setUp();
  const exited = exit(777, 777, 1);
  assert.equal([exited?.task.pid, exited?.task.command, exited?.code], [777, "x", 1]);
  assert.is(exited?.task.creds, undefined);
  assert.equal(exited?.task.origin("creds"), { source: "none", complete: false });
  assert.is(finder.lookup(777), exited?.task);
});

test("/proc is asked once for a pid that it does not know", () => {
  const { system, finder } = setUp();
  const before = system.reads;
  assert.is(finder.lookup(555), finder.lookup(555));
  assert.is(system.reads, before + 1);
  assert.is(finder.lookup(0).command, "swapper");
  assert.is(system.reads, before + 1);
});

test("a process of many threads that /proc tells of", () => {
  const { system, finder, exit } = setUp({ groupDead: false });
  system.add(200, { threadCount: 3 });
  const { argv: _argv, truncated: _truncated, cgroupPath: _path, ...thread } = system.snapshots.get(200)!;
  system.threadsOf.set(200, [
    { ...thread, pid: 201, command: "t1" },
    { ...thread, pid: 202, command: "t2" },
  ]);
  const leader = finder.lookup(200);
  assert.equal(
    [...(leader.threads ?? [])].map(({ command }) => command),
    ["t1", "t2"],
  );
  assert.is(exit(200, 200, 0), undefined);
  assert.is(exit(201, 200, 0), undefined);
  assert.is(exit(202, 200, 9)?.code, 9);
});

test("a record that names another process for a thread's id", () => {
  const { fork, tracker, context, finder, system } = setUp();
  fork(10, 100);
  const thread = fork(100, 101, PTHREAD).childTask;
  system.add(101, { started: 0 });
  const event = tracker.exited(context(101, 101), { command: "y", end: 0, groupDead: true }, () => 0);
  assert.is.not(event?.task, thread);
  assert.ok(thread.exitTime !== undefined);
  assert.is(finder.lookup(101), event?.task);
});

test("the ids that an exec gets", () => {
  const { system, fork, exec } = setUp();
  const ids = (uid: number, euid: number) => ({ uid, euid, gid: 0, egid: 0, secure: uid !== euid });
  const task = fork(10, 100).childTask;
  exec(100, ["/bin/su"], 100, ids(0, 50));
  assert.equal(task.creds, credOfExec(0, 50, 0, 0));
  assert.equal(task.origin("creds"), { source: "tracepoint", complete: true });
  // It changed its real id unseen, and /proc can be asked.
  system.add(100, { creds: credOfExec(1000, 1000, 0, 0) });
  exec(100, ["/bin/sh"], 100, ids(1000, 1000));
  assert.equal(task.creds?.uid, 1000);
  assert.equal(task.origin("creds"), { source: "procfs", complete: true });
  // And again, when it is gone.
  system.snapshots.delete(100);
  exec(100, ["/bin/sh"], 100, ids(2000, 2000));
  assert.equal(task.creds?.uid, 2000);
  assert.equal(task.origin("creds"), { source: "tracepoint", complete: false });
});

test("ids of another user namespace are not taken for the host's", () => {
  const { system, fork, exec } = setUp();
  const ids = { uid: 0, euid: 0, gid: 0, egid: 0, secure: false };
  const task = fork(10, 100, CloneFlag.NEWUSER).childTask;
  system.add(100, { creds: credOfExec(5000, 5000, 0, 0) });
  exec(100, ["/bin/sh"], 100, ids);
  assert.is(task.creds?.uid, 5000);
  const child = fork(100, 101).childTask;
  exec(101, ["/bin/true"], 101, ids);
  assert.is(child.creds?.uid, 5000);
  assert.is(child.origin("creds").complete, false);
});

test("the cgroup is that of the task's own records", () => {
  const { tracker, context, fork, finder } = setUp();
  finder.lookup(10);
  const forked = tracker.forked(context(10, 10, 44), 100, "sh", 0);
  assert.equal([forked.task.cgroupId, forked.childTask.cgroupId, forked.childTask.cgroupPath], [44, 44, "/"]);
  const moved = tracker.forked(context(10, 10, 44), 101, "sh", CloneFlag.INTO_CGROUP).childTask;
  assert.equal([moved.cgroupId, moved.origin("cgroup").source], [0, "none"]);
  tracker.exited(context(101, 101, 55), { command: "", end: 0, groupDead: true }, () => 0);
  assert.equal([moved.cgroupId, moved.origin("cgroup").complete], [55, true]);
  assert.is(fork(10, 102).childTask.cgroupId, 44);
});

test("a kernel thread's child that executes a program is none any more", () => {
  const { system, fork, exec } = setUp();
  system.add(2, { command: "kthreadd", isKernelThread: true, argv: [], parentPid: 0 });
  const task = fork(2, 100).childTask;
  assert.ok(task.isKernelThread);
  exec(100, ["/sbin/modprobe"]);
  assert.not(task.isKernelThread);
});

test.run();
