import { PerfNativeError } from "@kernscope/perf-native";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { toPerfError } from "./errno.js";
import { FakeKernel } from "./testing/index.js";

function native(operation: string, errno: string, cpu?: number): PerfNativeError {
  return new PerfNativeError("system", "…", { operation, errno, ...(cpu !== undefined && { cpu }) });
}

test("names operation, subject, cpu, errno and remedy", () => {
  const error = toPerfError(native("perf_event_open", "EACCES", 3), "open", "task/task_newtask");
  assert.match(
    error.message,
    /^perf_event_open\(task\/task_newtask, cpu 3\): EACCES – needs CAP_PERFMON or kernel\.perf_event_paranoid ≤ -1 \(is \S+\)$/,
  );
  assert.equal([error.code, error.errno, error.cpu, error.operation], ["permission", "EACCES", 3, "perf_event_open"]);
  assert.ok(error.cause instanceof PerfNativeError);
});

test("the same errno means what the call makes of it", () => {
  const codes = [
    ["perf_event_open", "ENOENT", "unsupported"],
    ["perf_event_open", "ESRCH", "not_found"],
    ["perf_event_open", "ENOSPC", "busy"],
    ["PERF_EVENT_IOC_SET_FILTER", "EINVAL", "invalid"],
    ["mmap", "EPERM", "permission"],
    ["perf_event_open", "EMFILE", "system"],
    ["anything", "ENOENT", "not_found"],
    ["anything", "EIO", "system"],
  ] as const;
  for (const [operation, errno, code] of codes) {
    assert.is(toPerfError(native(operation, errno), "open").code, code, `${operation} ${errno}`);
  }
});

test("errors of files and of this package keep what they say", () => {
  const own = toPerfError(new PerfNativeError("closed", "it was closed"), "enable", "x");
  assert.equal([own.code, own.message], ["closed", "enable(x): it was closed"]);
  assert.is(toPerfError(own, "other"), own);
  const file = Object.assign(new Error("EACCES: permission denied, open"), { code: "EACCES", syscall: "open" });
  assert.is(
    toPerfError(file, "tracefs", "events").message,
    "tracefs(events): EACCES – tracefs is root's alone: run as root",
  );
});

test("an event that cannot be opened is not there", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  kernel.source.onOpen = () => {
    throw native("PERF_EVENT_IOC_SET_FILTER", "EINVAL", 0);
  };
  const group = monitor.createGroup();
  const options = { filter: "comm == x", group };
  const error = await monitor.registerTracepoint("task/task_rename", () => {}, options).catch((error) => error);
  assert.is(
    error.message,
    "PERF_EVENT_IOC_SET_FILTER(task/task_rename, cpu 0): EINVAL – see Documentation/trace/events.rst; strings need quotes",
  );
  assert.is(group.events.size, 0);
  assert.equal((await monitor.loss()).events, []);
});

test("what is malformed is refused before anything is opened", async () => {
  const kernel = new FakeKernel();
  await using monitor = await kernel.openMonitor();
  kernel.source.onOpen = () => assert.unreachable("opened");
  const refused = async (name: string, options: object) =>
    monitor
      .registerTracepoint(name, () => {}, options)
      .then(
        () => "accepted",
        (error) => error.code,
      );
  assert.is(await refused("nonsense", {}), "invalid");
  assert.is(await refused("no/such_event", {}), "not_found");
  assert.is(await refused("task/task_rename", { filter: "pid == 1\0" }), "invalid");
  for (const userStack of [-8, 12, 65_536, Number.NaN, 0.5]) {
    assert.is(await refused("task/task_rename", { sample: { userStack } }), "invalid", String(userStack));
  }
  assert.is(await refused("task/task_rename", { sample: { aux: 70_000 } }), "invalid");
});

test.run();
