import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, rmdirSync, statSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { compileProgram, requires, unmetNeeds } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { changerSource } from "./changer.test.program.js";
import { type KernelBed, scaled, withBed } from "./kernel-bed.test.support.js";

const kernel = requires({ root: true, perf: true, programs: ["/bin/true", "/bin/cat", "/usr/bin/cc"] });
const changer = compileProgram("changer", changerSource, ["-pthread"]);
test.after(() => changer[Symbol.dispose]());

const hasProbes = unmetNeeds({ kprobes: true, btf: true }).length === 0;
const source = hasProbes ? "kprobe" : "procfs";

for (const bits of [64, 32]) {
  kernel(
    `setuid, setreuid, setresuid, setfsuid and their group twins, by ${bits}-bit calls`,
    withBed(async (bed) => {
      await using _following = await bed.cache.follow("creds", { compat: bits === 32 });
      const { child, lines } = await bed.startUntil(9, changer.path, "set-ids", `${bits}`);
      for (const [way = "", pid, ...ids] of lines) {
        // Not every kernel serves 32-bit calls.
        if (ids[0] === "no") continue;
        const [uid, euid, suid, fsuid, gid, egid, sgid, fsgid] = ids.map(Number);
        const task = bed.cache.lookupTask(Number(pid));
        assert.equal({ ...task.creds }, { uid, gid, euid, egid, suid, sgid, fsuid, fsgid }, way);
        const updates = bed.updatesOf(task.pid, "creds");
        assert.is(updates.length, 1, way);
        assert.equal(task.origin("creds"), { source, complete: true }, way);
      }
      await bed.finish(child);
    }),
  );
}

kernel(
  "chdir and fchdir, of a process, of its threads, of a thread that works elsewhere",
  withBed(async (bed) => {
    const odd = join(dirname(changer.path), "caf\u00e9 \n (deleted)");
    mkdirSync(odd);
    await using _following = await bed.cache.follow("cwd");
    const { child, lines } = await bed.startUntil(1, changer.path, "move-about", odd);
    const [pid = 0, shared = 0, own = 0] = lines[0]!.map(Number);
    const cwd = (of: number) => bed.cache.lookupTask(of).cwd;
    assert.equal([cwd(pid), cwd(shared), cwd(own)], ["/usr", "/usr", "/etc"]);
    assert.equal(bed.cache.lookupTask(pid).origin("cwd"), { source: "procfs", complete: true });
    assert.equal(
      bed.updatesOf(own, "cwd").map(({ event }) => event.cwd),
      ["/etc"],
    );
    // Several changes between two reads of /proc are told as the last.
    const seen = [pid, shared].flatMap((of) => bed.updatesOf(of, "cwd").map(({ event }) => event.cwd ?? ""));
    assert.is(seen.at(-1), "/usr");
    assert.ok(
      seen.every((each) => ["/tmp", odd, "/", "/usr"].includes(each)),
      seen.join(),
    );
    await bed.finish(child);
    rmdirSync(odd);
  }),
);

kernel(
  "a child works where its parent does; where a parent is gone too soon to be asked, nobody guesses",
  withBed(async (bed) => {
    await using _following = await bed.cache.follow("cwd");
    for (const end of ["sleep 0.5", ":"]) {
      const { pid } = await bed.run("/bin/sh", "-c", `cd /usr/bin; /bin/true inherited; ${end}`);
      const child = bed.execs.find(({ event }) => event.task.parentPid === pid)?.event.task;
      const isMissed = child?.cwd === undefined;
      if (end === ":" && isMissed) assert.ok(bed.cache.stats().missedChanges > 0);
      else assert.is(child?.cwd, "/usr/bin");
      assert.equal(
        bed.updatesOf(pid, "cwd").map(({ event }) => event.cwd),
        isMissed ? [] : ["/usr/bin"],
      );
    }
  }),
);

/** A cgroup that is removed when it is disposed of. */
class TestCgroup implements Disposable {
  readonly path: string;
  readonly directory: string;

  constructor(bed: KernelBed, name: string) {
    const { mount, root } = bed.cache.cgroups.hierarchy;
    assert.ok(mount !== undefined, "a cgroup hierarchy is mounted");
    this.path = join(root, name);
    this.directory = join(mount!, name);
    mkdirSync(this.directory);
  }

  add(pid: number): void {
    writeFileSync(join(this.directory, "cgroup.procs"), `${pid}`);
  }

  [Symbol.dispose](): void {
    rmdirSync(this.directory);
  }
}

const unique = `ks-${process.pid}`;

kernel(
  "a process that is moved to another cgroup, and its children",
  withBed(async (bed) => {
    using cgroup = new TestCgroup(bed, `${unique}-a`);
    const { child, pid } = await bed.startUntil(1, changer.path, "wait");
    cgroup.add(pid);
    await bed.settle();
    const task = bed.cache.lookupTask(pid);
    assert.equal([task.cgroupPath, task.cgroupId], [cgroup.path, statSync(cgroup.directory).ino]);
    assert.equal(task.origin("cgroup"), { source: "tracepoint", complete: true });
    assert.is(bed.updatesOf(pid, "cgroup").length, 1);
    await bed.finish(child);
    assert.is(task.cgroupPath, cgroup.path);
  }),
);

kernel(
  `${scaled(1000)} children that start in another cgroup: each one's first event has it, a container's name fools nobody`,
  withBed(async (bed) => {
    if (bed.cache.cgroups.hierarchy.version !== 2) return;
    // What looks like a container's id is a path like any other.
    using outer = new TestCgroup(bed, `${unique}-b`);
    using fake = new TestCgroup(bed, join(`${unique}-b`, "0123456789abcdef".repeat(4)));
    const { lines } = await bed.run(changer.path, "into-cgroup", fake.directory, `${scaled(1000)}`);
    assert.is(lines.length, scaled(1000));
    const { ino } = statSync(fake.directory);
    for (const [index, [pid]] of lines.entries()) {
      const [exec] = bed.execsOf(Number(pid));
      assert.equal(exec?.event.commandLine, ["/bin/true", `${index}`]);
      assert.equal([exec?.sample.cgroup, exec?.event.cgroupPath], [ino, fake.path], `${index}`);
      assert.is(exec?.event.task.containerId, "");
    }
    assert.is.not(bed.cache.cgroups.at(outer.path).id, ino);
  }),
);

if (process.env.KERNSCOPE_VM) {
  kernel("where version 1 has the perf_event controller, cgroups are that hierarchy's", async () => {
    const mount = mkdtempSync(join(tmpdir(), "perf-event-"));
    execFileSync("mount", ["-t", "cgroup", "-o", "perf_event", "none", mount]);
    try {
      await withBed(async (bed) => {
        assert.equal([bed.cache.cgroups.hierarchy.version, bed.cache.cgroups.hierarchy.mount], [1, mount]);
        using cgroup = new TestCgroup(bed, "v1");
        const { child, pid } = await bed.startUntil(1, changer.path, "wait");
        cgroup.add(pid);
        await bed.settle();
        assert.is(bed.cache.lookupTask(pid).cgroupPath, "/v1");
        await bed.finish(child);
        assert.equal([bed.exitsOf(pid)[0]?.sample.cgroup], [statSync(cgroup.directory).ino]);
      })();
    } finally {
      execFileSync("umount", [mount]);
    }
  });
}

kernel(
  "the file that is executed: by twelve names, deleted, in memory only, under a false name",
  withBed(async (bed) => {
    const folder = mkdtempSync(join(tmpdir(), "executable-"));
    const { dev: device, ino: inode } = statSync(changer.path);
    const names = Array.from({ length: 5 }, (_, index) => join(folder, `link ${index}`));
    for (const name of names) symlinkSync(changer.path, name);
    const hard = join(dirname(changer.path), "hard (deleted)");
    linkSync(changer.path, hard);
    const aliases = [
      changer.path,
      ...names,
      hard,
      `/proc/self/root${changer.path}`,
      `${dirname(changer.path)}/./changer`,
    ];
    aliases.push(
      `/${changer.path}`,
      `${folder}/../${changer.path.slice(tmpdir().length)}`,
      `//proc/${process.pid}/root${changer.path}`,
    );
    assert.is(aliases.length, 12);
    for (const alias of aliases) {
      const { child, pid } = await bed.startUntil(1, alias, "wait");
      const path = alias === hard ? hard : changer.path;
      const task = bed.cache.lookupTask(pid);
      assert.equal(task.executable, { path, device, inode, deleted: false, memfd: false }, alias);
      assert.equal(task.origin("executable"), { source: "procfs", complete: true });
      if (alias === hard) {
        unlinkSync(hard);
        const again = await bed.startUntil(1, changer.path, "wait");
        assert.is(bed.cache.lookupTask(again.pid).executable?.inode, inode);
        await bed.finish(again.child);
      }
      await bed.finish(child);
      assert.is(task.executable?.inode, inode);
    }
    const memory = await bed.startUntil(1, changer.path, "from-memory");
    const hidden = bed.cache.lookupTask(memory.pid);
    assert.equal(hidden.commandLine, ["innocent", "wait"]);
    assert.equal(
      { ...hidden.executable, device: 0, inode: 0 },
      { path: "/memfd:hidden", device: 0, inode: 0, deleted: true, memfd: true },
    );
    await bed.finish(memory.child);
    const copy = join(folder, "copy");
    execFileSync("cp", [changer.path, copy]);
    const gone = await bed.startUntil(1, copy, "wait");
    unlinkSync(copy);
    const { executable } = bed.cache.lookupTask(gone.pid);
    assert.equal([executable?.path, executable?.deleted, executable?.memfd], [copy, true, false]);
    await bed.finish(gone.child);
    execFileSync("rm", ["-r", folder]);
  }),
);

kernel(
  "processes in a pid namespace are known by the host's pids",
  withBed(async (bed) => {
    const { child, pid, lines } = await bed.startUntil(3, changer.path, "pid-namespace");
    assert.equal(
      lines.map(([, own]) => own),
      ["1", "2", "3"],
    );
    // They say their pids before they execute.
    await bed.until(() => lines.slice(1).every(([inner]) => bed.execsOf(Number(inner)).length > 0));
    for (const [index, [inner]] of lines.entries()) {
      const task = bed.cache.lookupTask(Number(inner));
      assert.equal([task.pid, task.tgid, task.parentPid], [Number(inner), Number(inner), pid]);
      assert.is(bed.forksOf(task.pid).length, 1);
      if (index > 0) assert.equal(bed.execsOf(task.pid)[0]?.event.commandLine, ["/bin/sleep", `${999 + index}`]);
    }
    await bed.finish(child);
    // The end of its first process ends the namespace.
    await bed.until(() => lines.every(([inner]) => bed.exitsOf(Number(inner)).length === 1));
    assert.equal(
      lines.map(([inner]) => bed.exitsOf(Number(inner))[0]?.event.signal),
      [0, 9, 9],
    );
  }),
);

kernel(
  "ids in a user namespace are the host's",
  withBed(async (bed) => {
    const { child, pid, lines } = await bed.startUntil(1, changer.path, "user-namespace");
    // It may be forbidden.
    if (lines[0]?.[0] !== "no") {
      await bed.until(() => bed.execsOf(pid).length > 1);
      assert.equal([bed.execsOf(pid)[1]?.event.uid, bed.cache.lookupTask(pid).creds?.fsgid], [0, 0]);
      assert.ok(bed.cache.lookupTask(pid).origin("creds").complete);
    }
    await bed.finish(child);
  }),
);

test.run();
