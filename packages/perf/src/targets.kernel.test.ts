import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileProgram, requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findPerfHierarchy } from "./cgroup-hierarchy.js";
import type { PerfError } from "./errors.js";
import { EventMonitor } from "./event-monitor.js";
import { findMounts } from "./tracefs.js";

const onKernel = requires({ perf: true });
const onOwnKernel = requires({ perf: true, ownKernel: true });
const EXEC = "sched/sched_process_exec";

async function errorOf(promise: Promise<unknown>): Promise<PerfError> {
  return promise.then(
    () => assert.unreachable("it did not reject"),
    (error) => error,
  );
}

/** Makes cgroups for as long as `body` takes, where perf knows of them. */
async function withCgroups(count: number, body: (directories: string[]) => Promise<void>): Promise<void> {
  const root = (await findPerfHierarchy())?.place;
  assert.ok(root !== undefined, "no cgroups are mounted that perf knows of");
  // As long as nothing was ever asked of the root of cgroup v2, new groups are none of perf's.
  spawnSync("sh", ["-c", `echo +pids > ${root}/cgroup.subtree_control`], { stdio: "ignore" });
  const directories = Array.from(
    { length: count },
    (_, index) => `${root}/kernscope-${process.pid}-${index} (deleted)`,
  );
  for (const directory of directories) mkdirSync(directory);
  try {
    await body(directories);
  } finally {
    for (const directory of directories) {
      try {
        rmdirSync(directory);
      } catch {
        // The test has removed it.
      }
    }
  }
}

function execIn(directory: string, program: string): void {
  execFileSync("sh", ["-c", `echo $$ > '${directory}/cgroup.procs'; exec ${program}`], { stdio: "ignore" });
}

onKernel("a cgroup that was removed does not keep the others from being watched", async () => {
  await withCgroups(3, async ([first = "", second = "", third = ""]) => {
    await using monitor = await EventMonitor.open({ cgroups: [first, second, third] });
    const seen: string[] = [];
    const note = (_: unknown, { filename }: { filename: string }) => seen.push(filename);
    const id = await monitor.registerTracepoint(EXEC, note, { filter: 'filename == "/bin/none"' });
    rmdirSync(second);
    await monitor.setFilter(id, 'filename == "/bin/echo"');
    rmdirSync(first);
    await monitor.registerTracepoint(EXEC, note, { filter: 'filename == "/bin/true"' });
    execIn(third, "/bin/echo");
    execIn(third, "/bin/true");
    // One that takes its name is another.
    mkdirSync(first);
    execIn(first, "/bin/true");
    const run = monitor.run();
    await monitor.stop();
    await run;
    assert.equal(seen, ["/bin/echo", "/bin/true"]);
    rmdirSync(third);
    const error = await errorOf(monitor.registerTracepoint(EXEC, note));
    assert.is(error.code, "not_found");
    assert.match(error.message, /^open\(cgroup .*\): they were removed – /);
    assert.is((await errorOf(monitor.setFilter(id, ""))).code, "not_found");
    // An event that the kernel does not have is not the cgroups' fault.
    assert.is((await monitor.loss()).events.length, 2);
  });
});

onKernel("an event that is not there is not the cgroup's fault", async () => {
  await withCgroups(1, async (cgroups) => {
    await using monitor = await EventMonitor.open({ cgroups });
    const error = await monitor.registerCounterGroup([{ raw: 0xffff_ffff }], () => {}).catch((error) => error);
    // A processor that has counters may take it.
    if (typeof error !== "number") assert.match(error.message, / – needs a performance monitoring unit/);
  });
});

onKernel("a directory of another hierarchy, or of none, says so", async () => {
  const hierarchy = await findPerfHierarchy();
  const other = findMounts(
    readFileSync("/proc/self/mountinfo", "utf8"),
    hierarchy?.version === 2 ? "cgroup" : "cgroup2",
  );
  for (const directory of other.slice(0, 2)) await expectOtherHierarchy(directory);
  await using monitor = await EventMonitor.open({ cgroups: [tmpdir()] });
  const error = await errorOf(monitor.registerTracepoint(EXEC, () => {}));
  assert.is(error.code, "not_found");
  assert.match(error.message, /EBADF – the cgroup's directory is not one of the perf_event hierarchy$/);
});

async function expectOtherHierarchy(directory: string): Promise<void> {
  await using monitor = await EventMonitor.open({ cgroups: [directory] });
  const error = await errorOf(monitor.registerTracepoint(EXEC, () => {}));
  assert.is(error.code, "not_found");
  assert.ok(error.message.startsWith(`perf_event_open(${EXEC}, cgroup ${directory}, cpu `), error.message);
  assert.match(
    error.message,
    /: it is not of the hierarchy that has perf_event – give a directory of that one: cgroup v/,
  );
}

onOwnKernel("a directory of cgroup v2 where a hierarchy of v1 has perf_event says so", async () => {
  const [version2] = findMounts(readFileSync("/proc/self/mountinfo", "utf8"), "cgroup2");
  assert.ok(version2 !== undefined);
  const place = mkdtempSync(join(tmpdir(), "perf-event-"));
  execFileSync("mount", ["-t", "cgroup", "-o", "perf_event", "none", place]);
  try {
    assert.equal(await findPerfHierarchy(), { version: 1, place });
    await expectOtherHierarchy(version2);
    await using monitor = await EventMonitor.open({ cgroups: [place] });
    await monitor.registerTracepoint(EXEC, () => {});
  } finally {
    execFileSync("umount", [place]);
    rmdirSync(place);
  }
});

/** Makes a thread that makes a thread, and so on; at the next line each gives itself a name. */
const threads = `
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>
enum { COUNT = 60 };
static sem_t go;
static void *work(void *argument) {
  const long number = (long)argument;
  pthread_t next;
  usleep(200);
  if (number + 1 < COUNT) pthread_create(&next, 0, work, (void *)(number + 1));
  else write(1, "made\\n", 5);
  sem_wait(&go);
  char name[16];
  snprintf(name, sizeof name, "ks-%ld", number);
  prctl(PR_SET_NAME, name);
  if (number + 1 < COUNT) pthread_join(next, 0);
  return 0;
}
int main(void) {
  char line[8];
  pthread_t first;
  write(1, "started\\n", 8);
  if (!fgets(line, sizeof line, stdin)) return 1;
  pthread_create(&first, 0, work, 0);
  if (!fgets(line, sizeof line, stdin)) return 1;
  for (int i = 0; i < COUNT; i++) sem_post(&go);
  pthread_join(first, 0);
  return 0;
}`;

onKernel("processes: threads that are made while an event is opened are watched, all and once", async () => {
  using program = compileProgram("ks-threads", threads, ["-lpthread", "-Wno-unused-result"]);
  const child = spawn(program.path, { stdio: ["pipe", "pipe", "inherit"] });
  const over = once(child, "exit");
  await once(child.stdout, "data");
  await using monitor = await EventMonitor.open({ pids: [child.pid ?? 0] });
  const made = once(child.stdout, "data");
  child.stdin.write("make\n");
  const seen: string[] = [];
  const note = (_: unknown, { newcomm }: { newcomm: string }) => seen.push(newcomm);
  for (;;) {
    const error = await monitor.registerTracepoint("task/task_rename", note).catch((error) => error);
    if (typeof error === "number") break;
    assert.is(error.code, "busy", error.message);
  }
  await made;
  child.stdin.end("go\n");
  await over;
  const run = monitor.run();
  await monitor.stop();
  await run;
  const names = Array.from({ length: 60 }, (_, index) => `ks-${index}`);
  assert.equal(seen.sort(), names.sort());
});

test.run();
