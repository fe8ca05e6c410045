import { getPriority } from "node:os";
import { and, compare, or, parse } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fieldTypesOf } from "./capabilities.js";
import { SyscallEventType, type SyscallPayload } from "./payload.js";
import { syscallNumber } from "./syscall-numbers.js";
import { EventBed, valuesOf } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });

/** Calls by number, each with arguments of its own; the last ones through the table of 32-bit calls. */
const caller = `
#include <stdio.h>
#include <unistd.h>
#include <sys/syscall.h>
int main() {
  syscall(SYS_kcmp, 1, -2L, 3, 0xfffffffffffffff0UL, 5);
  syscall(SYS_kcmp, 7, 8, 9, 10, 11);
  syscall(SYS_sysfs, 99, 0, 0);
  syscall(SYS_getpriority, 5, 6);
#ifdef __x86_64__
  long result;
  /* 64-bit kcmp is 312; by the 32-bit table 312 is get_robust_list */
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(312), "b"(0), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
#endif
  return 0;
}`;

const number = (name: string) => syscallNumber(name)!;
const idIs = (name: string) => compare("id", "int64", "eq", number(name));

kernel("calls named one by one: arguments and results, each by its own tracepoint", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("caller", caller);
  const { events, done, stream } = await bed.gather({
    filters: [
      { kind: "syscall.enter", where: or(idIs("kcmp"), and(idIs("getpriority"), compare("arg0", "uint64", "eq", 5))) },
      { kind: "syscall.exit", where: or(idIs("kcmp"), idIs("getpriority")) },
    ],
  });
  assert.equal(stream.statuses, [{ code: 0, message: "" }]);
  const { pid } = bed.run(program);
  await bed.sensor.stop();
  await done;
  const kcmp = number("kcmp");
  const getpriority = number("getpriority");
  const values = valuesOf(events, pid, "syscall") as SyscallPayload[];
  assert.equal(
    values.map(({ type, id }) => [type, id]),
    [kcmp, kcmp, getpriority].flatMap((id) => [
      [SyscallEventType.ENTER, id],
      [SyscallEventType.EXIT, id],
    ]),
  );
  assert.equal(
    values.map(({ name, compat }) => [name, compat]),
    ["kcmp", "kcmp", "kcmp", "kcmp", "getpriority", "getpriority"].map((name) => [name, false]),
  );
  const { arg0, arg1, arg2, arg3, arg4, arg5 } = values[0]!;
  assert.equal([arg0, arg1, arg2, arg3, arg4], [1, 2n ** 64n - 2n, 3, 2n ** 64n - 16n, 5]);
  assert.is(arg5, undefined);
  assert.equal([values[2]!.arg0, values[2]!.arg4], [7, 11]);
  assert.ok(Number(values[1]!.ret) < 0);
  assert.equal([values[5]!.ret, values[5]!.arg0], [-22, undefined]);
  for (const event of events.filter(({ processTgid }) => processTgid === pid)) {
    assert.is(event.processPid, pid);
    assert.equal(event.commandLine, [program]);
    assert.is(event.processLineage?.[0]?.pid, pid);
    assert.is(event.processLineage?.[1]?.pid, process.pid);
  }
});

kernel("32-bit calls are not taken for those of the same number, where calls are watched by a range", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("caller", caller);
  const kcmp = number("kcmp");
  const where = and(compare("id", "int64", "ge", kcmp), compare("id", "int64", "le", kcmp));
  const { events, done } = await bed.gather({
    filters: [
      { kind: "syscall.enter", where },
      { kind: "syscall.exit", where },
    ],
  });
  const { pid } = bed.run(program);
  await bed.sensor.stop();
  await done;
  const values = valuesOf(events, pid, "syscall") as SyscallPayload[];
  assert.equal(
    values.map(({ type, id }) => [type, id]),
    [1, 2, 1, 2].map((type) => [type, kcmp]),
  );
  assert.equal([values[0]!.arg1, values[2]!.arg0], [2n ** 64n - 2n, 7]);
});

const plain = (kind: "syscall.enter" | "syscall.exit", text: string) => ({
  kind,
  where: parse(text, fieldTypesOf({ kind })),
});

kernel("32-bit calls: those that a condition asks for, by their own numbers, beside 64-bit ones", async () => {
  if (process.arch !== "x64") return;
  await using bed = await EventBed.open();
  const program = bed.compile("caller", caller);
  const { events, done, stream } = await bed.gather({
    filters: [
      plain("syscall.enter", "id == 312"),
      plain("syscall.enter", "compat == true && id == 312"),
      plain("syscall.exit", "compat == true && id == 312"),
    ],
  });
  assert.equal(stream.statuses, [{ code: 0, message: "" }]);
  const { pid } = bed.run(program);
  await bed.sensor.stop();
  await done;
  const values = valuesOf(events, pid, "syscall") as SyscallPayload[];
  assert.equal(
    values.map(({ type, id, name, compat }) => [type, id, name, compat]),
    [
      [SyscallEventType.ENTER, 312, "kcmp", false],
      [SyscallEventType.ENTER, 312, "kcmp", false],
      [SyscallEventType.ENTER, 312, "get_robust_list", true],
      [SyscallEventType.EXIT, 312, "get_robust_list", true],
    ],
  );
  assert.equal([values[2]!.arg0, values[3]!.ret], [0, -14]);
});

/** Executes programs by either table; its pointers fit into 32 bits. */
const executor = `
#include <signal.h>
#include <unistd.h>
static void handler(int signal) {}
static long narrow(int number, unsigned b, unsigned c, unsigned d) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(b), "c"(c), "d"(d) : "memory", "r8", "r9", "r10", "r11");
  return result;
}
static char again[] = "again";
static unsigned argv32[3], envp32[1];
int main(int argc, char **argv) {
  static char self[256];
  if (argc > 1) return execl("/bin/true", "true", NULL);
  signal(SIGUSR1, handler);
  raise(SIGUSR1);
  narrow(59, 0, 0, 0);
  narrow(15, 0, 0, 0);
  self[readlink("/proc/self/exe", self, sizeof self - 1)] = 0;
  argv32[0] = (unsigned)(long)self;
  argv32[1] = (unsigned)(long)again;
  narrow(11, (unsigned)(long)self, (unsigned)(long)argv32, (unsigned)(long)envp32);
  return 1;
}`;

kernel("a call that executes a program ends as one of the table of that program", async () => {
  if (process.arch !== "x64") return;
  await using bed = await EventBed.open();
  const program = bed.compile("executor", executor, "-no-pie");
  const where = "(compat == true || compat == false) && (id == 11 || id == 15 || id == 59) && ret != 1";
  const { events, done } = await bed.gather({ filters: [plain("syscall.exit", where)] });
  const { pid } = bed.run(program);
  await bed.sensor.stop();
  await done;
  const values = (valuesOf(events, pid, "syscall") as SyscallPayload[]).filter(({ name }) => name !== "munmap");
  assert.equal(
    values.map(({ name, compat, ret }) => [name, compat, ret]),
    [
      ["execve", false, 0],
      ["oldolduname", true, -14],
      ["chmod", true, -14],
      // The kernel ends it as one of the new program's.
      ["execve", false, 0],
      ["execve", false, 0],
    ],
  );
});

kernel("the sensor's own calls make no events, those of its children do", async () => {
  await using bed = await EventBed.open();
  const { events, done } = await bed.gather({
    filters: [
      { kind: "syscall.enter", where: idIs("getpriority") },
      {
        kind: "syscall.exit",
        where: and(
          compare("id", "int64", "ge", number("getpriority")),
          compare("id", "int64", "le", number("getpriority")),
        ),
      },
    ],
  });
  for (let i = 0; i < 50; i++) getPriority();
  const { pid } = bed.run(process.execPath, "-e", "require('os').getPriority()");
  await bed.sensor.stop();
  await done;
  assert.is(events.filter(({ processTgid }) => processTgid === process.pid).length, 0);
  assert.is(events.filter(({ processTgid }) => processTgid === pid).length, 2);
});

kernel("a thousand subscriptions of one shape share one registration", async () => {
  await using bed = await EventBed.open();
  const filters = [{ kind: "syscall.enter" as const, where: idIs("kcmp") }];
  const streams = await Promise.all(Array.from({ length: 1000 }, () => bed.sensor.newSubscription({ filters })));
  assert.equal([bed.sensor.metrics().subscriptions, bed.sensor.metrics().sources], [1000, 1]);
  const { events } = await bed.sensor.monitor.loss();
  assert.is(events.filter(({ name }) => name === "syscalls/sys_enter_kcmp").length, 1);
  for (const stream of streams) stream.close();
  assert.equal([bed.sensor.metrics().subscriptions, bed.sensor.metrics().sources], [0, 0]);
});

test.run();
