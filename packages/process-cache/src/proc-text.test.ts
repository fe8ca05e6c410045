import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseCgroups, parseCommandLine, parseStartTick, parseStat, parseStatus, perfCgroupPath } from "./proc-text.js";

const stat = (name: string, state = "S") =>
  Buffer.concat([
    Buffer.from("4711 ("),
    Buffer.from(name),
    Buffer.from(
      `) ${state} 1 5657 4761 0 -1 4194304 97 0 0 0 0 0 0 0 20 0 3 0 290597 3133440 382 18446744073709551615 1 2 140722259583856 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 4 5 6 140722259585567 140722259585587 140722259585587 140722259587051 9\n`,
    ),
  ]);

test("the fields of stat", () => {
  assert.equal(parseStat(stat("cat")), {
    pid: 4711,
    command: "cat",
    state: "S",
    parentPid: 1,
    flags: 4194304,
    threads: 3,
    startTick: 290597,
    startStack: "140722259583856",
    argumentsEnd: "140722259585587",
    exitCode: 9,
  });
});

test("the start time alone is that of the whole", () => {
  for (const name of ["cat", ") R 99 1 (x", "a b", ")))", "x\n1 (y) Z 0"]) {
    assert.is(parseStartTick(stat(name)), 290597);
  }
  for (const text of ["", "1 (x", "1 (x) S 1 2 3", "1 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 12"]) {
    assert.is(parseStartTick(Buffer.from(text)), undefined, text);
  }
});

test("a name made to look like the end of the name", () => {
  for (const name of [") R 99 1 (x", "a b", "(((", ")))", "", "x\n1 (y) Z 0"]) {
    const parsed = parseStat(stat(name, "Z"));
    assert.equal([parsed?.command, parsed?.state, parsed?.parentPid, parsed?.startTick], [name, "Z", 1, 290597]);
  }
});

test("what is no stat file", () => {
  for (const text of ["", "4711", "4711 (cat", "(cat) S", "x (cat) S 1 2", "4711 (cat) S 1 2 3"]) {
    assert.is(parseStat(Buffer.from(text)), undefined, text);
  }
});

const status = `Name:\tx\\nUid:\t7\t7\t7\t7
Umask:\t0022
State:\tS (sleeping)
Tgid:\t4710
Ngid:\t0
Pid:\t4711
PPid:\t12
TracerPid:\t0
Uid:\t1000\t0\t1\t2
Gid:\t100\t50\t51\t4294967295
FDSize:\t64
Groups:\t4 24
NStgid:\t4710\t5
`;

test("the ids of status", () => {
  const parsed = parseStatus(Buffer.from(status));
  assert.is(parsed?.tgid, 4710);
  assert.is(parsed?.parentPid, 12);
  assert.equal(parsed?.creds, {
    uid: 1000,
    euid: 0,
    suid: 1,
    fsuid: 2,
    gid: 100,
    egid: 50,
    sgid: 51,
    fsgid: 4294967295,
  });
  assert.is(parseStatus(Buffer.from("")), undefined);
  assert.is(parseStatus(Buffer.from("Name:\tx\nTgid:\t1\n"))?.creds, undefined);
});

test("command lines", () => {
  assert.equal(parseCommandLine(Buffer.from("")), []);
  assert.equal(parseCommandLine(Buffer.from("\0")), [""]);
  assert.equal(parseCommandLine(Buffer.from("a\0\0b c\0")), ["a", "", "b c"]);
  assert.equal(parseCommandLine(Buffer.from("nginx: worker")), ["nginx: worker"]);
});

test("the perf_event controller's cgroup, else the unified one", () => {
  const unified = parseCgroups(Buffer.from("4:memory:/a\n0::/b:c\n"));
  assert.is(perfCgroupPath(unified), "/b:c");
  assert.is(perfCgroupPath(parseCgroups(Buffer.from("7:cpu,perf_event:/d\n0::/b\n"))), "/d");
  assert.is(perfCgroupPath(parseCgroups(Buffer.from("\nnonsense\n"))), undefined);
});

test.run();
