import { test } from "uvu";
import * as assert from "uvu/assert";
import { withCache } from "./cache-bed.test.support.js";
import { CloneFlag } from "./clone-flags.js";
import { callFormats } from "./testing/formats.js";

const cred = (uid: number, more: object = {}) => ({
  ...{ uid, gid: uid, suid: uid, sgid: uid, euid: uid, egid: uid, fsuid: uid, fsgid: uid },
  ...more,
});
const probes = { kernel: { functions: ["commit_creds", "set_fs_pwd"] } };

test(
  "a kernel probe tells of credentials, and an exec brings no others",
  withCache(({ kernel, cache, seen, fork, exec }) => {
    fork(10, 100);
    kernel.emit("kprobe:commit_creds", cred(1000, { euid: 0, suid: 0 }), { pid: 100 });
    kernel.deliver();
    const task = cache.lookupTask(100);
    assert.equal(task.creds, cred(1000, { euid: 0, suid: 0 }));
    assert.equal(task.origin("creds"), { source: "kprobe", complete: true });
    // What the exec's stack says is all 1000: the probe came before it and says so too.
    kernel.emit("kprobe:commit_creds", cred(1000), { pid: 100 });
    exec(100, ["/bin/true"]);
    kernel.deliver();
    assert.equal(task.creds, cred(1000));
    assert.equal(task.origin("creds"), { source: "kprobe", complete: true });
    assert.equal(seen, ["fork 10 100", "update 100 creds", "update 100 creds", "exec 100 /bin/true"]);
    assert.equal(cache.sources()[0], { field: "creds", source: "kprobe", best: true, remark: "" });
  }, probes),
);

test(
  "an exec by a thread keeps what the probe told of the process, not what the thread had",
  withCache(({ kernel, cache, fork, exec }) => {
    fork(10, 100);
    fork(100, 101, CloneFlag.THREAD);
    kernel.emit("kprobe:commit_creds", cred(7), { pid: 100, tid: 101 });
    kernel.emit("kprobe:commit_creds", cred(1000), { pid: 100 });
    exec(100, ["/bin/true"], 101);
    kernel.deliver();
    assert.equal(cache.lookupTask(100).creds, cred(1000));
  }, probes),
);

test(
  "without probes nobody sees a change until somebody wants to",
  withCache(
    async ({ kernel, proc, cache, seen, updates, fork }) => {
      proc.add(100, { uid: 1000, cwd: "/home" });
      fork(10, 100);
      kernel.deliver();
      const task = cache.lookupTask(100);
      assert.equal([task.cwd, task.origin("cwd").complete, task.creds?.uid], ["/", false, 1000]);
      assert.equal(
        cache
          .sources()
          .slice(0, 2)
          .map(({ source, best }) => [source, best]),
        [
          ["none", false],
          ["none", false],
        ],
      );
      const before = kernel.source.events.size;
      const following = [await cache.follow("cwd"), await cache.follow("cwd"), await cache.follow("creds")];
      assert.is(kernel.source.events.size, before + 10);
      assert.equal([task.cwd, task.origin("cwd")], ["/home", { source: "procfs", complete: true }]);
      proc.add(100, { uid: 5, cwd: "/tmp" });
      kernel.emit("syscalls/sys_exit_chdir", { ret: 0 }, { pid: 100 });
      kernel.emit("syscalls/sys_exit_chdir", { ret: 0 }, { pid: 100 });
      kernel.emit("syscalls/sys_exit_setresuid", { ret: 0 }, { pid: 100 });
      kernel.deliver();
      assert.equal(seen, ["fork 10 100", "update 100 cwd", "update 100 creds"]);
      assert.equal([updates[0]?.cwd, task.cwd, task.creds?.uid], ["/tmp", "/tmp", 5]);
      assert.equal(task.origin("creds"), { source: "procfs", complete: true });
      assert.is(cache.sources()[1]?.source, "calls");
      proc.remove(100);
      kernel.emit("syscalls/sys_exit_chdir", { ret: 0 }, { pid: 100 });
      kernel.deliver();
      assert.equal([task.cwd, task.origin("cwd").source, cache.stats().missedChanges], [undefined, "none", 1]);
      for (const each of following) await Promise.all([each.release(), each.release()]);
      assert.is(kernel.source.events.size, before);
      assert.is(task.origin("creds").complete, false);
    },
    { kernel: { formats: callFormats } },
  ),
);

test(
  "following goes on until the last has given it back, and ends with the cache",
  withCache(
    async ({ kernel, cache }) => {
      const before = kernel.source.events.size;
      const [one, two] = await Promise.all([cache.follow("cwd"), cache.follow("cwd")]);
      await one.release();
      assert.is(kernel.source.events.size, before + 2);
      await two.release();
      assert.is(kernel.source.events.size, before);
      await cache.follow("creds", { compat: true });
      const filters = [...kernel.source.events.values()].map(({ filter }) => filter);
      assert.ok(filters.some((each) => each.includes("id == 208") && each.includes("|| id == 215")));
      await cache.close();
      assert.is(kernel.source.events.size, 0);
    },
    { kernel: { formats: callFormats } },
  ),
);

test(
  "a kernel without system call events cannot follow, and says so",
  withCache(async ({ kernel, cache }) => {
    const before = kernel.source.events.size;
    const error = await cache.follow("creds").catch((reason) => reason);
    assert.is(error.code, "unsupported");
    assert.match(error.message, /^follow\(creds\): .+ – needs a kernel with/);
    assert.is(kernel.source.events.size, before);
  }),
);

test(
  "cgroups: made, moved to, renamed, removed, made again",
  withCache(({ kernel, cache, seen, fork, exit }) => {
    fork(10, 100);
    fork(100, 101, CloneFlag.THREAD);
    kernel.emit("cgroup/cgroup_mkdir", { root: 0, level: 1, id: 77n, path: "/a" }, { pid: 10 });
    kernel.emit(
      "cgroup/cgroup_attach_task",
      { dst_root: 0, dst_level: 1, dst_id: 77n, dst_path: "/a", pid: 100, comm: "sh" },
      { pid: 10 },
    );
    kernel.deliver();
    const task = cache.lookupTask(100);
    const thread = cache.lookupTask(101);
    assert.equal(task.cgroup, { id: 77, path: "/a" });
    assert.equal(task.origin("cgroup"), { source: "tracepoint", complete: true });
    assert.is(thread.cgroup, task.cgroup);
    assert.equal(seen.slice(-1), ["update 100 cgroup"]);
    fork(100, 102);
    kernel.emit("cgroup/cgroup_rename", { root: 0, level: 1, id: 77n, path: "/b" }, { pid: 10 });
    kernel.deliver();
    assert.equal([cache.lookupTask(102).cgroupPath, cache.cgroups.at("/b").id], ["/b", 77]);
    exit(102, 0);
    kernel.emit("cgroup/cgroup_rmdir", { root: 0, level: 1, id: 77n, path: "/b" }, { pid: 10 });
    kernel.emit("cgroup/cgroup_mkdir", { root: 0, level: 1, id: 78n, path: "/b" }, { pid: 10 });
    kernel.deliver();
    assert.equal([cache.lookupTask(102).cgroupId, cache.lookupTask(102).cgroupPath], [77, "/b"]);
    assert.is(cache.cgroups.at("/b").id, 78);
  }),
);

test(
  "a child that is put into another cgroup: at its fork by what /proc says, from then on by its own records",
  withCache(({ kernel, proc, cache, fork }) => {
    proc.add(100, { cgroup: "/into" });
    kernel.emit("cgroup/cgroup_mkdir", { root: 0, level: 1, id: 90n, path: "/into" }, { pid: 10 });
    fork(10, 100, CloneFlag.INTO_CGROUP);
    fork(10, 101, CloneFlag.INTO_CGROUP);
    kernel.deliver();
    assert.equal(cache.lookupTask(100).cgroup, { id: 90, path: "/into" });
    assert.equal(cache.lookupTask(101).cgroup, undefined);
    kernel.emit("sched/sched_process_exit", { comm: "x", pid: 101 }, { pid: 101, cgroup: 90 });
    kernel.deliver();
    assert.equal(cache.lookupTask(101).cgroupPath, "/into");
  }),
);

test(
  "the file that a process executes, as long as it is the same program",
  withCache(
    ({ kernel, proc, cache, fork, exec }) => {
      const shell = cache.lookupTask(10);
      assert.is(shell.executable?.path, "/bin/sh");
      assert.ok(shell.executable!.inode! > 0);
      assert.equal(shell.origin("executable"), { source: "procfs", complete: true });
      fork(10, 100);
      exec(100, ["/bin/true"]);
      kernel.deliver();
      // /proc shows another program already.
      proc.add(100, { exe: "/bin/sh", startStack: 1n });
      const named = { device: undefined, inode: undefined, deleted: undefined, memfd: undefined };
      assert.equal(cache.lookupTask(100).executable, { path: "/bin/true", ...named });
      assert.equal(cache.lookupTask(100).origin("executable"), { source: "tracepoint", complete: false });
      const vague = [
        "true",
        "./true",
        "",
        "/dev/fd/5",
        "//proc/self//fd/7",
        "/proc/thread-self/fd/7",
        "/proc/1/task/2/fd/3",
      ];
      for (const [index, name] of vague.entries()) {
        fork(10, 200 + index);
        exec(200 + index, [name]);
        kernel.deliver();
        const task = cache.lookupTask(200 + index);
        assert.equal([task.executable, task.origin("executable").source], [undefined, "none"], name);
      }
    },
    { populate: (proc) => proc.add(10, { exe: "/bin/sh", startStack: 4096n, argv: ["/bin/sh"] }) },
  ),
);

test.run();
