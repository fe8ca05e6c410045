import { create } from "@bufbuild/protobuf";
import { print } from "@kernscope/expression";
import { syscallNumber } from "@kernscope/sensor";
import {
  ContainerEventView,
  ExpressionSchema,
  eventKinds,
  PerformanceEventType,
  SampleRateType,
} from "@kernscope/telemetry-api";
import { expressionFromProto } from "@kernscope/telemetry-service/testing";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CliError, ExitStatus } from "./errors.js";
import { defaultSelectors, parseSelector, parseSelectors } from "./selectors.js";

test("kinds by their names", async () => {
  assert.equal(await parseSelectors(defaultSelectors), [{ kind: "fork" }, { kind: "exec" }, { kind: "exit" }]);
  assert.equal(await parseSelectors([" exec ", "exec", "exec"]), [{ kind: "exec" }]);
  assert.equal(await parseSelectors([]), []);
  // Function calls have to say which function.
  for (const kind of Object.keys(eventKinds).filter((name) => !name.includes("-call"))) {
    assert.is((await parseSelector(kind)).kind, kind);
  }
});

test("an unknown kind is refused, with the one that was meant", async () => {
  await refused("exce", /^"exce": .* – did you mean exec\?$/);
  await refused("", /^"": .* The kinds are fork, exec/);
  await refused("toString", /^"toString": /);
  await refused("\u001b[31mexec", /^"\\u001b\[31mexec": /);
});

test("conditions by the fields of the kind", async () => {
  const conditions: [string, string][] = [
    ["exec where filename == '/bin/true'", 'filename == "/bin/true"'],
    ["exec  WHERE\nfilename ~ ' where '", 'filename ~ " where "'],
    [" open where flags & 3 ", "flags & 3"],
    ["syscall where id == 257 && arg1 == 0xffffffffffffffff", "id == 257 && arg1 == 18446744073709551615"],
    ["link where symlink", "symlink"],
  ];
  for (const [text, printed] of conditions) {
    const [selector] = await parseSelectors([text]);
    assert.is(selector?.where && print(expressionFromProto(create(ExpressionSchema, selector.where))), printed);
  }
  await refused("exec where", /no condition/);
  await refused(
    "exec where flags == 3",
    /there is no field flags – the fields are filename\n {2}flags == 3\n {2}\^{5}$/,
  );
  await refused("ticker where a == 1", /there are none here/);
  await refused("where", /no kind before the condition/);
  await refused("exec fork", /more than a kind/);
  await refused("exec wherever", /more than a kind/);
});

test("details behind a colon", async () => {
  const openat = syscallNumber("openat") as number;
  const close = syscallNumber("close") as number;
  const condition = async (text: string) => {
    const { where } = await parseSelector(text);
    return where && print(where);
  };
  assert.is(await condition("syscall:openat"), `id == ${openat}`);
  assert.is(await condition("syscall-exit:openat,close,77"), `id == ${openat} || id == ${close} || id == 77`);
  assert.is(await condition("syscall:close where arg0 == 3"), `id == ${close} && arg0 == 3`);
  assert.equal((await parseSelectors(["kernel-call:do_sys_openat2(path=+0($arg2):ustring, how=$arg3:u64)"]))[0]?.with, {
    symbol: "do_sys_openat2",
    arguments: { path: "+0($arg2):ustring", how: "$arg3:u64" },
  });
  assert.is(await condition('kernel-call:f(path=+0($arg2):ustring) where path ~ "/etc/*"'), 'path ~ "/etc/*"');
  assert.is(await condition("user-call:/bin/bash:readline(n=$arg1:s32) where n < -1"), "n < -1");
  assert.equal((await parseSelectors(["user-call-exit:/a b:f@V1"]))[0]?.with, {
    executable: "/a b",
    symbol: "f@V1",
    arguments: {},
  });
  assert.equal((await parseSelectors(["performance:page-faults,cycles"]))[0]?.with as unknown, {
    events: [
      { type: PerformanceEventType.SOFTWARE, config: 2n },
      { type: PerformanceEventType.HARDWARE, config: 0n },
    ],
    sampleRateType: SampleRateType.FREQUENCY,
    sampleRate: { case: "frequency", value: 1n },
  });
  assert.equal((await parseSelectors(["container-exited:full"]))[0]?.with, { view: ContainerEventView.FULL });
  assert.equal((await parseSelectors(["ticker:500ms"]))[0]?.with, { interval: 500_000_000n });
  assert.equal((await parseSelectors(["chargen:10"]))[0]?.with, { length: 10n });
  assert.is(await condition("syscall where compat == true && id == 11"), "compat == true && id == 11");
  await refused(
    "syscall:execve where compat == true",
    /64-bit table – write syscall where compat == true && id == NUM/,
  );
  await refused("syscall:opennat", /no system call "opennat"/);
  await refused("exec:x", /exec has nothing behind a colon/);
  await refused("kernel-call", /write kernel-call:FUNCTION/);
  await refused("kernel-call:f(x)", /write kernel-call:FUNCTION/);
  await refused("kernel-call:f(a=$arg1:u8) where b == 1", /no field b – the fields are a/);
  await refused("user-call:bash:f", /write user-call:PROGRAM/);
  await refused("performance:cycle", /the counters are cycles, /);
  await refused("container:all", /container:full/);
  await refused("chargen:0", /chargen:LENGTH/);
});

async function refused(text: string, message: RegExp): Promise<void> {
  try {
    await parseSelectors([text]);
  } catch (error) {
    assert.instance(error, CliError, String(error));
    assert.is((error as CliError).status, ExitStatus.USAGE);
    assert.match((error as CliError).message, message);
    return;
  }
  assert.unreachable(`not refused: ${text}`);
}

test.run();
