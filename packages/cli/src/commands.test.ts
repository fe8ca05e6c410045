import { spawnSync } from "node:child_process";
import { release } from "node:os";
import { fileURLToPath } from "node:url";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";

const program = fileURLToPath(new URL("main.js", import.meta.url));
const onKernel = requires({ root: true, perf: true });
const withSetpriv = requires({ root: true, perf: true, programs: ["/usr/bin/setpriv"] });

onKernel("doctor: where a sensor runs it ends with 0", () => {
  const { status, stdout, stderr } = run(["doctor"]);
  assert.is(status, 0, stderr);
  assert.match(stdout, /A sensor runs +yes\n/);
  assert.match(stdout, /\n {2}process\.exec +complete from sched\/sched_process_exec\n/);
  const report = JSON.parse(run(["doctor", "-o", "json"]).stdout);
  assert.is(report.kernel, release());
  assert.is(report.obstacle, undefined);
});

withSetpriv("doctor: without privileges it ends with 1 and says what is missing", () => {
  const { status, stdout, stderr } = run(["doctor"], ["/usr/bin/setpriv", "--bounding-set", "-all"]);
  assert.is(status, 1);
  assert.match(stdout, /A sensor runs +no: /);
  assert.match(stdout, /Capabilities +none\n/);
  assert.match(stderr, /^kernscope: no sensor can run here: [^\n]+\n$/);
  const json = run(["doctor", "-o", "json"], ["/usr/bin/setpriv", "--bounding-set", "-all"]);
  assert.is(json.status, 1);
  assert.is(typeof JSON.parse(json.stdout).obstacle, "string");
});

onKernel("explain: the kernel's text, and what is left for the sensor", () => {
  const { status, stdout, stderr } = run(["explain", "user-call:/bin/sh:main(a=+0($stack):u8)", "where", "a > 3"]);
  assert.is(status, 0, stderr);
  assert.is(stdout, "user-call.enter\n  kernel  uprobe:/bin/sh:main: a > 3\n  sensor  nothing to evaluate\n");
  const fork = run(["explain", "fork where fork_child_pid > 1", "-o", "json"]);
  const { kind, parts } = JSON.parse(fork.stdout);
  assert.is(kind, "process.fork");
  assert.equal(
    parts.map(({ text, runs, reason }: Record<string, string>) => [text, runs, typeof reason]),
    [["fork_child_pid > 1", "sensor", "string"]],
  );
  assert.match(run(["explain", "fork where fork_child_pid > 1"]).stdout, /\n {2}why {5}the event is put together/);
});

test("explain: a kind alone lists the fields of its conditions, also where nothing else can be told", () => {
  const syscalls = run(["explain", "syscall"]);
  assert.match(
    syscalls.stdout,
    /^syscall\.enter\n {2}fields {2}id {6}int64\n {10}compat {2}bool\n {10}arg0 {4}uint64\n/,
  );
  assert.is(syscalls.status, 1);
  const exit = run(["explain", "exit", "-o", "json"]);
  assert.equal(JSON.parse(exit.stdout).fields, {
    code: "int32",
    exit_status: "uint32",
    exit_signal: "uint32",
    exit_core_dumped: "bool",
  });
  const call = run(["explain", "kernel-call:do_exit(code=$arg1:s32)"]);
  assert.match(call.stdout, "  fields  code  int32\n");
});

onKernel("explain: what is not valid is underlined, and what would be refused is", () => {
  const { status, stderr } = run(["explain", "exec where filename ~ 3"]);
  assert.is(status, 2);
  assert.match(stderr, /\n {2}filename ~ 3\n {13}\^\n$/);
  const syscalls = run(["explain", "syscall where arg0 == 3"]);
  assert.is(syscalls.status, 1);
  assert.match(syscalls.stderr, /^kernscope: .*id/);
});

function run(args: readonly string[], prefix: readonly string[] = []) {
  const [command = "", ...rest] = [...prefix, process.execPath, program, ...args];
  return spawnSync(command, rest, { encoding: "utf8" });
}

test.run();
