import { getPriority } from "node:os";
import { and, compare, or } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
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
