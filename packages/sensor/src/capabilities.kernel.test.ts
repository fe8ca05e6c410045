import { parse } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities, explainFilter, fieldTypesOf } from "./capabilities.js";
import { eventKinds } from "./event-kinds.js";
import type { EventFilter, PlainKind } from "./subscription-request.js";
import { EventBed } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });

const plain = (kind: PlainKind, text: string) => {
  const filter = { kind } as const;
  return { ...filter, where: parse(text, fieldTypesOf(filter)) };
};

kernel("every kind is listed, and what is said of it is what a subscriber meets", async () => {
  const { kinds, obstacle } = await capabilities();
  assert.is(obstacle, undefined);
  assert.equal(
    kinds.map(({ kind }) => kind),
    [...eventKinds],
  );
  await using bed = await EventBed.open();
  for (const { kind, state, sources, lacks, remedies } of kinds) {
    assert.is(state === "none", sources.length === 0);
    assert.is(state === "complete", lacks.length === 0);
    if (state === "none") assert.ok(remedies.length > 0, kind);
    const error = await bed.sensor.newSubscription({ filters: [exampleOf(kind)] }).then(
      (stream) => stream.close(),
      (caught) => caught,
    );
    assert.is(error === undefined, state !== "none", `${kind}: ${error}`);
  }
});

function exampleOf(kind: (typeof eventKinds)[number]): EventFilter {
  if (kind.startsWith("syscall.")) return plain(kind as PlainKind, "id == 1");
  if (kind.startsWith("kernel-call.")) return { kind: kind as "kernel-call.enter", symbol: "do_exit" };
  if (kind.startsWith("user-call.")) {
    return { kind: kind as "user-call.enter", executable: process.execPath, symbol: "main" };
  }
  if (kind === "performance") return { kind, counters: [{ type: "software", config: 3 }], period: 1000 };
  if (kind === "ticker") return { kind, interval: 1e9 };
  if (kind === "chargen") return { kind, length: 1 };
  return { kind } as EventFilter;
}

kernel("an explanation says which text runs in the kernel, what is left, and why", async () => {
  const whole = await explainFilter(plain("syscall.enter", "id == 61 && arg0 > 5"));
  assert.equal(whole.kernel, [{ event: "syscalls/sys_enter_wait4", filter: "upid > 5" }]);
  assert.is(whole.sensor, undefined);
  const inKernel = (text: string) => ({ text, runs: "kernel", reason: undefined });
  assert.equal(whole.parts, [inKernel("id == 61"), inKernel("arg0 > 5")]);
  const raw = await explainFilter(plain("syscall.enter", "id > 400 && arg0 == 5"));
  assert.equal(raw.kernel, [{ event: "raw_syscalls/sys_enter", filter: "id > 400" }]);
  assert.is(raw.sensor, "arg0 == 5");
  const absent = "not every one of the kernel's records has arg0 as the event has it";
  assert.equal(raw.parts, [inKernel("id > 400"), { text: "arg0 == 5", runs: "sensor", reason: absent }]);
  const wide = await explainFilter(plain("syscall.enter", "compat == false && id == 61"));
  assert.equal(wide.kernel, [{ event: "syscalls/sys_enter_wait4", filter: "" }]);
  assert.is(wide.sensor, undefined);
  const narrow = await explainFilter(plain("syscall.exit", "compat == true && id == 11 && ret == 0"));
  assert.equal(narrow.kernel, [{ event: "raw_syscalls/sys_exit", filter: "id == 11 && ret == 0" }]);
  assert.is(narrow.sensor, "compat == true");
  const both = await explainFilter(plain("syscall.enter", "compat && id == 11 || !compat && id == 59 && arg0 > 5"));
  assert.equal(both.kernel, [{ event: "raw_syscalls/sys_enter", filter: "(id == 11 || id == 59)" }]);
  assert.is(both.sensor, "compat && id == 11 || !compat && id == 59 && arg0 > 5");
  const cache = await explainFilter(plain("process.exec", 'filename ~ "/usr/*"'));
  assert.is(cache.sensor, 'filename ~ "/usr/*"');
  assert.ok(cache.kernel.every(({ filter }) => filter === ""));
  assert.match(cache.parts[0]!.reason!, "put together");
  const call = { kind: "user-call.enter", executable: process.execPath, symbol: "main" } as const;
  const filter = { ...call, arguments: { a: "%di:u64", b: "%si:u64" } };
  const user = await explainFilter({ ...filter, where: parse("a == 1 && b is null", fieldTypesOf(filter)) });
  const language = "the kernel does not know of absent fields";
  assert.equal(user.parts, [inKernel("a == 1"), { text: "b is null", runs: "sensor", reason: language }]);
});

test.run();
