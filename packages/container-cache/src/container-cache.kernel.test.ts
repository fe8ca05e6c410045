import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileProgram, requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CacheBed, ownPath } from "./cache-bed.test.support.js";
import { findPerfHierarchy } from "./cgroup-hierarchy.js";
import type { ContainerInfo } from "./container-info.js";
import { ContainerRuntime, ContainerState } from "./container-state.js";

const TRUE = ownPath("true");
const kernel = requires({ root: true, perf: true });
const A = "0a".repeat(32);
const B = "0b".repeat(32);

/** Cgroups of a test, below one that has its name; they are removed at the end. */
class Cgroups implements Disposable {
  readonly root = `/kernscope-${process.pid}`;
  readonly #mount = findPerfHierarchy("/proc").mount ?? "";
  readonly #made: string[] = [];

  constructor() {
    this.make("");
  }

  make(path: string): string {
    const folder = join(this.#mount, this.root, path);
    mkdirSync(folder);
    this.#made.push(folder);
    return folder;
  }

  [Symbol.dispose](): void {
    for (const folder of this.#made.reverse()) {
      try {
        rmdirSync(folder);
      } catch {
        // The test has removed it.
      }
    }
  }
}

function know(bed: CacheBed, id: string, cgroupPath: string): ContainerInfo {
  const info = bed.cache.lookupContainer(id, { create: true });
  const sample = { pid: 0, tid: 0, cpu: 0, cgroup: 0, elapsed: bed.monitor.clock.now() };
  info.update(ContainerRuntime.Docker, sample, { state: ContainerState.Created, cgroupPath });
  return info;
}

/** Clones children straight into a cgroup, one after the other, that do nothing but end. */
const cloner = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
struct clone3_args { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup; };
int main(int argc, char **argv) {
  int cgroup = open(argv[1], O_RDONLY | O_DIRECTORY);
  if (cgroup < 0) return 1;
  for (int i = 0; i < atoi(argv[2]); i++) {
    struct clone3_args args = { .flags = 0x200000000ULL, .exit_signal = 17, .cgroup = (uint64_t) cgroup };
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0) return 2;
    if (pid == 0) _exit(0);
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0) return 3;
  }
  return 0;
}`;

kernel(
  "each of a thousand processes that were cloned into a cgroup is attributed from its first event on",
  async () => {
    const name = `clone${process.pid}`;
    using program = compileProgram(name, cloner);
    using cgroups = new Cgroups();
    // Version 1 has no clone into a cgroup.
    if (findPerfHierarchy("/proc").id !== 0) return;
    await using bed = await CacheBed.open({}, {});
    know(bed, A, `${cgroups.root}/${A}`);
    const folder = cgroups.make(A);
    const found = await bed.attributionsOf("sched/sched_process_exit", `comm == "${name}"`);
    execFileSync(program.path, [folder, "1000"]);
    // The last is the program itself, outside.
    await bed.until(() => found.length === 1001, "1001 ends");
    assert.is(found.pop()?.id, undefined);
    assert.not(found.some(({ id }) => id !== A));
  },
);

kernel("a cgroup with the name of a container's is not that container's", async () => {
  using cgroups = new Cgroups();
  await using bed = await CacheBed.open({}, {});
  know(bed, A, `${cgroups.root}/${A}`);
  cgroups.make("docker");
  const folders = [cgroups.make(A), cgroups.make(`docker/${A}`), cgroups.make(B)];
  const found = await bed.attributions(TRUE);
  for (const folder of folders) {
    execFileSync("/bin/sh", ["-c", `echo $$ >'${folder}/cgroup.procs'; exec ${TRUE}`]);
  }
  await bed.until(() => found.length === 3, "3 programs");
  assert.equal(
    found.map(({ id }) => id),
    [A, undefined, undefined],
  );
});

kernel("the first program in a container's cgroup is its beginning, and its end the container's", async () => {
  using cgroups = new Cgroups();
  // A runtime has to be there for processes to be watched.
  const folder = mkdtempSync(join(tmpdir(), "oci-"));
  await using bed = await CacheBed.open({ ociRoots: [folder] }, {});
  const ends: [string, string, string][] = [
    [A, "exit 3", "exited 3"],
    [B, "kill -9 $$", "exited SIG9"],
  ];
  for (const [id, command, end] of ends) {
    know(bed, id, `${cgroups.root}/${id}`);
    const cgroup = cgroups.make(id);
    const script = `echo $$ >'${cgroup}/cgroup.procs'; exec /bin/sh -c '/bin/true; ${command}'`;
    try {
      execFileSync("/bin/sh", ["-c", script]);
    } catch {
      // How it ends is what the test looks at.
    }
    await bed.seeing(id, end);
    assert.equal(bed.of(id), ["created", "running", end]);
    const info = bed.cache.lookupContainer(id);
    assert.ok((info?.startedTime ?? 0) < (info?.finishedTime ?? 0));
    assert.ok(Math.abs((info?.finishedTime ?? 0) - Date.now()) < 60_000);
  }
  rmdirSync(folder);
});

kernel("what was registered is given back", async () => {
  const bed = await CacheBed.open({}, {});
  await bed.cache.close();
  const { events } = await bed.monitor.loss();
  assert.equal(events.filter(({ name }) => /cgroup|sched/.test(name)).length, 0);
  await bed[Symbol.asyncDispose]();
});

test.run();
