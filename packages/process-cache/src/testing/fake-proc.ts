import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface FakeProcessFacts {
  parentPid?: number;
  command?: string;
  argv?: readonly string[];
  /** Clock ticks since boot. */
  startTick?: number;
  uid?: number;
  /** Working directory. */
  cwd?: string;
  /** The file that it executes. */
  exe?: string;
  state?: string;
  /** Address where execve(2) put the stack pointer. */
  startStack?: bigint;
  /** Paths of its cgroup in the unified hierarchy. */
  cgroup?: string;
  /** Wait status of a zombie. */
  exitCode?: number;
}

/** A folder that looks like /proc with the processes that a test puts into it. */
export class FakeProc implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "fake-proc-"));

  constructor(bootId = "62d6e022-fde8-45a5-82a9-81903f6a1e68") {
    mkdirSync(join(this.root, "sys/kernel/random"), { recursive: true });
    writeFileSync(join(this.root, "sys/kernel/random/boot_id"), `${bootId}\n`);
  }

  /** Adds a process, or puts another one in its place. */
  add(pid: number, facts: FakeProcessFacts = {}): void {
    const { parentPid = 1, command = `proc-${pid}`, argv = [`/bin/proc-${pid}`], startTick = 1, uid = 0 } = facts;
    const { state = "S", startStack = 0n, cgroup = "/", exitCode = 0, cwd = "/", exe } = facts;
    const folder = join(this.root, `${pid}`);
    this.remove(pid);
    mkdirSync(join(folder, "task", `${pid}`), { recursive: true });
    const fields = Array<string | number | bigint>(53).fill(0);
    Object.assign(fields, { 3: state, 4: parentPid, 20: 1, 22: startTick, 28: startStack, 52: exitCode });
    writeFileSync(join(folder, "stat"), `${pid} (${command}) ${fields.slice(3).join(" ")}\n`);
    const ids = Array(4).fill(uid).join("\t");
    const status = [`Name:\t${command}`, `Tgid:\t${pid}`, `Pid:\t${pid}`, `PPid:\t${parentPid}`];
    writeFileSync(join(folder, "status"), `${status.join("\n")}\nUid:\t${ids}\nGid:\t${ids}\n`);
    writeFileSync(join(folder, "cmdline"), argv.map((text) => `${text}\0`).join(""));
    symlinkSync(cwd, join(folder, "cwd"));
    if (exe !== undefined) symlinkSync(exe, join(folder, "exe"));
    writeFileSync(join(folder, "cgroup"), `0::${cgroup}\n`);
  }

  remove(pid: number): void {
    rmSync(join(this.root, `${pid}`), { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
