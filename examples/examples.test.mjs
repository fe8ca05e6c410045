import { execFileSync, spawn, spawnSync } from "node:child_process";
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { features } from "@kernscope/perf";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";

const here = import.meta.dirname;
const onKernel = requires({ perf: true });
const withUprobes = requires({ perf: true, uprobes: true });

/** Starts an example; `end` interrupts it, or waits for it to end by itself, and returns what it wrote. */
function start(name, ...args) {
  const child = spawn(process.execPath, [join(here, name), ...args.map(String)], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  const over = new Promise((resolve) => child.on("close", resolve));
  return {
    output: () => output,
    errors: () => errors,
    async end({ interrupt = false } = {}) {
      if (interrupt) child.kill("SIGINT");
      const status = await over;
      assert.is(status, 0, `${name}: ${errors}`);
      return output;
    },
  };
}

/** Does `action` again and again until `condition` holds. */
async function until(condition, action = () => {}) {
  const deadline = Date.now() + 60_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, "it did not come");
    action();
    await setTimeout(50);
  }
}

onKernel("syscalls: the busiest process, and no loss", async () => {
  const example = start("syscalls.mjs", 4);
  await setTimeout(1500);
  const { pid } = spawnSync("dd", ["if=/dev/zero", "of=/dev/null", "bs=1", "count=50000"]);
  const output = await example.end();
  const line = output.split("\n").find((each) => each.includes(` ${pid}  `)) ?? output;
  const [, calls, name] = /^ *(\d+) +\d+ {2}(.*)$/.exec(line) ?? [];
  assert.ok(Number(calls) >= 100_000, line);
  assert.ok(name === "dd" || name === "(gone)" || name === "node", line);
  const [, total, lost] = /^(\d+) calls, (\w+|an unknown number) of them lost$/m.exec(output) ?? [];
  assert.ok(Number(total) >= 100_000 && lost !== undefined, output);
});

onKernel("slow-fsync: each call with its file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kernscope-fsync-"));
  const path = join(folder, "slow");
  const descriptor = openSync(path, "w");
  try {
    const example = start("slow-fsync.mjs", 0);
    await until(
      () => example.output().includes(path),
      () => fsyncSync(descriptor),
    );
    const output = await example.end({ interrupt: true });
    const line = output.split("\n").find((each) => each.endsWith(path)) ?? output;
    assert.match(line, new RegExp(`^\\d+\\.\\d{3} ms {2}fsync = 0 {2}pid ${process.pid} {2}`));
  } finally {
    closeSync(descriptor);
    rmSync(folder, { recursive: true });
  }
});

withUprobes("readline: what is typed into a shell", async () => {
  const example = start("readline.mjs");
  await until(() => example.errors().includes("watching"));
  // A terminal of its own: without one bash does not use readline.
  const shell = spawn("script", ["-qec", "bash --norc --noprofile -i", "/dev/null"], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  const over = new Promise((resolve) => shell.on("close", resolve));
  await until(
    () => example.output().includes("echo typed text"),
    () => shell.stdin.write("echo typed text\n"),
  );
  shell.stdin.end("exit\n\x04");
  await over;
  const output = await example.end({ interrupt: true });
  assert.match(output, /^\d+ {2}echo typed text$/m);
});

onKernel("cgroup-switches: those of the cgroup and of nobody else", async () => {
  const { detail = "" } = (await features()).cgroupTargets;
  const directory = join(detail.replace(/^cgroup v\d at /, ""), `kernscope-example-${process.pid}`);
  mkdirSync(directory);
  try {
    const example = start("cgroup-switches.mjs", directory, 4);
    await setTimeout(1500);
    const inside = `echo $$ > ${directory}/cgroup.procs; echo $$; for i in 1 2 3 4 5; do sleep 0.01; done`;
    const pid = execFileSync("bash", ["-c", inside], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    const output = await example.end();
    assert.match(output, new RegExp(`^ *${pid} +[1-9]\\d* +\\d+ {2}bash$`, "m"));
    assert.not.match(output, new RegExp(`^ *${process.pid} `, "m"));
  } finally {
    rmdirSync(directory);
  }
});

onKernel("counters: each CPU, each second", async () => {
  const output = await start("counters.mjs", 2).end();
  const [head, ...rows] = output.trim().split("\n");
  assert.match(head, /CONTEXT_SWITCHES/);
  const cpus = new Set(rows.map((row) => row.trim().split(/\s+/)[0]));
  assert.is(rows.length, 2 * cpus.size);
  const switches = rows.map((row) =>
    Number(row.trim().split(/\s+/)[head.trim().split(/\s+/).indexOf("CONTEXT_SWITCHES")]),
  );
  assert.ok(switches.every((count) => count >= 0) && switches.some((count) => count > 0), output);
});

test.run();
