import { readFileSync } from "node:fs";
import { and, type Expression, like, masked, not, or } from "@kernscope/expression";
import { FakeKernel } from "@kernscope/perf/testing";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type EventKind, eventKinds } from "./event-kinds.js";
import { KernelSupport } from "./kernel-support.js";
import { type FilePayload, FileNameSource as Source, FileEventType as Type } from "./payload.js";
import { planFilter } from "./plan-request.js";
import { Sensor } from "./sensor.js";
import type { EventFilter } from "./subscription-request.js";

/** Above any pid_max: no task of this host has it. */
const PID = 5_000_000;
const kinds = eventKinds.filter((kind) => kind.startsWith("file."));
/** A device that nothing is mounted from: paths lack their beginning then. */
const NOWHERE = 0xfff << 20;

async function setUp(wanted: readonly EventKind[] = kinds) {
  const kernel = new FakeKernel();
  const sensor = await Sensor.open({
    monitor: { source: kernel.source, tracing: kernel.tracing, readClock: kernel.clock.read },
  });
  await sensor.start();
  const stream = await sensor.newSubscription({ filters: wanted.map((kind) => ({ kind }) as EventFilter) });
  const emit = (name: string, values: Record<string, string | number> = {}) =>
    kernel.emit(name, values, { pid: PID, tid: PID });
  const finish = async () => {
    kernel.deliver();
    await sensor.stop();
    const values: FilePayload[] = [];
    for await (const batch of stream) for (const { event } of batch) values.push(event.value as FilePayload);
    return values;
  };
  return { kernel, emit, finish, sensor };
}

/** The line of mountinfo that tells what is mounted at `/`. */
function ownRoot(): readonly string[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return lines.map((line) => line.split(" ")).find(([, , , root, place]) => root === "/" && place === "/") ?? [];
}

/** What a probe fetches of a path whose file system is mounted nowhere. */
function dentry(path: string, prefix = "p"): Record<string, string | number> {
  const names = ["/", ...path.split("/")].reverse();
  const filled = [...names, ...Array(8).fill("/")].slice(0, 8);
  return { [`${prefix}dev`]: NOWHERE, ...Object.fromEntries(filled.map((name, at) => [`${prefix}${at}`, name])) };
}

test("what the kernel says of opens, as it was given", async () => {
  const { emit, finish } = await setUp();
  emit("kprobe:do_filp_open", { dfd: -100, filename: "/etc/passwd", flags: 0o2000101, mode: 0o100644 });
  emit("kprobe:do_filp_open", { dfd: 7, filename: "passwd", flags: 0, mode: 0 });
  const given = { resolved: false, nameSource: Source.GIVEN };
  assert.equal(await finish(), [
    { type: Type.OPEN, filename: "/etc/passwd", openFlags: 0o2000101, openMode: 0o644, ...given },
    { type: Type.OPEN, filename: "passwd", openFlags: 0, openMode: 0, ...given, partial: true },
  ]);
});

test("a relative name is behind the working directory of its time, and a child's is the parent's of the fork", async () => {
  const { kernel, emit, finish } = await setUp(["file.open"]);
  const [, , device = "0:0"] = ownRoot();
  const [major, minor] = device.split(":").map(Number);
  const path = (name: string) => ({
    pdev: major! * 2 ** 20 + minor!,
    ...Object.fromEntries(["/", name].map((each, at) => [`p${1 - at}`, each])),
  });
  const change = (name: string, fs: number, pid = PID) =>
    kernel.emit("kprobe:set_fs_pwd", { fs, ...path(name) }, { pid, tid: pid });
  const open = (pid = PID) =>
    kernel.emit("kprobe:do_filp_open", { dfd: -100, filename: "name", flags: 0, mode: 0 }, { pid, tid: pid });
  const child = PID + 1;
  kernel.emit("task/task_newtask", { pid: PID, comm: "parent", clone_flags: 0 }, { pid: 1, tid: 1 });
  change("one", 0x1000);
  open();
  emit("task/task_newtask", { pid: child, comm: "child", clone_flags: 0 });
  change("two", 0x1000);
  open();
  open(child);
  change("three", 0x2000, child);
  open(child);
  open();
  const names = (await finish()).map(({ filename, nameSource }) => [filename, nameSource]);
  const expected = ["one", "two", "one", "three", "two"].map((name) => [`/${name}/name`, Source.WORKING_DIRECTORY]);
  assert.equal(names, expected);
});

test("what was done is told when the function returns, and what failed is not", async () => {
  const { emit, finish } = await setUp();
  emit("kprobe:vfs_unlink", dentry("a/b"));
  emit("kretprobe:vfs_unlink", { result: 0 });
  emit("kprobe:vfs_rmdir", dentry("full"));
  emit("kretprobe:vfs_rmdir", { result: -39 });
  emit("kretprobe:vfs_rmdir", { result: 0 });
  // A file system on top of another one does below what was done to it, which is no doing of the program.
  emit("kprobe:vfs_mkdir", { ...dentry("upper/dir"), mode: 0o40755, sp: 900 });
  emit("kprobe:vfs_mkdir", { ...dentry("lower/dir"), mode: 0o40755, sp: 800 });
  emit("kretprobe:vfs_mkdir", { result: 0 });
  emit("kretprobe:vfs_mkdir", { result: 0 });
  emit("kprobe:vfs_rename", { ...dentry("old", "s"), ...dentry("dir/new") });
  emit("kretprobe:vfs_rename", { result: 0 });
  emit("kprobe:vfs_symlink", { ...dentry("soft"), text: "some where" });
  emit("kretprobe:vfs_symlink", { result: 0 });
  emit("kprobe:vfs_link", { ...dentry("old", "s"), ...dentry("hard") });
  emit("kretprobe:vfs_link", { result: 0 });
  const entry = { resolved: false, nameSource: Source.DIRECTORY_ENTRY };
  assert.equal(await finish(), [
    { type: Type.DELETE, filename: "a/b", ...entry },
    { type: Type.CREATE, filename: "upper/dir", openMode: 0o755, ...entry },
    { type: Type.RENAME, oldname: "old", newname: "dir/new", ...entry },
    { type: Type.LINK, sourceFile: "some where", targetFile: "soft", symlink: true, ...entry },
    { type: Type.LINK, sourceFile: "old", targetFile: "hard", symlink: false, ...entry },
  ]);
});

test("what lies in no directory has a name and no path", async () => {
  const { emit, finish } = await setUp(["file.close-for-modify"]);
  const memfd = Object.fromEntries(Array.from({ length: 8 }, (_, at) => [`p${at}`, "memfd:x"]));
  emit("kprobe:__fput", { ...memfd, pdev: NOWHERE, pat: 0x1234, pup: 0x1234, fmode: 2, imode: 0o100600 });
  const own = { resolved: false, nameSource: Source.DIRECTORY_ENTRY };
  assert.equal(await finish(), [{ type: Type.CLOSE_FOR_MODIFY, filename: "memfd:x", ...own }]);
});

test("of a long path the end is told, and a condition passes it where it may be meant", async () => {
  const kernel = new FakeKernel();
  const sensor = await Sensor.open({
    monitor: { source: kernel.source, tracing: kernel.tracing, readClock: kernel.clock.read },
  });
  await sensor.start();
  const stream = await sensor.newSubscription({
    filters: [{ kind: "file.delete", where: like("filename", "/ks-work/*.js") }],
  });
  const [, , device = "0:0"] = ownRoot();
  const [major, minor] = device.split(":").map(Number);
  const remove = (names: readonly string[]) => {
    const place = { pdev: major! * 2 ** 20 + minor!, ...Object.fromEntries(names.map((name, at) => [`p${at}`, name])) };
    kernel.emit("kprobe:vfs_unlink", place, { pid: PID, tid: PID });
    kernel.emit("kretprobe:vfs_unlink", { result: 0 }, { pid: PID, tid: PID });
  };
  const deep = ["8", "7", "6", "5", "4", "3", "2", "1"];
  remove(["x.js", ...deep]);
  remove(["x.css", ...deep]);
  remove(["x.js", "etc", "/"]);
  remove(["x.js", "ks-work", "/"]);
  kernel.deliver();
  await sensor.stop();
  const values: FilePayload[] = [];
  for await (const batch of stream) for (const { event } of batch) values.push(event.value as FilePayload);
  const { DIRECTORY_ENTRY: nameSource } = Source;
  assert.equal(values, [
    { type: Type.DELETE, filename: "1/2/3/4/5/6/7/8/x.js", resolved: false, nameSource, partial: true },
    // The process is not there: it has, most likely, the mounts of the sensor.
    { type: Type.DELETE, filename: "/ks-work/x.js", resolved: false, nameSource },
  ]);
  assert.is(stream.statuses.length, 1);
  assert.match(stream.statuses[0]!.message, /^file\.delete: of a path of 9 names or more.* the last 9 alone are known/);
});

test("what is said of flags is for the kernel, and so is a condition that is as large as it may be", async () => {
  const kernel = await KernelSupport.open(new FakeKernel().tracing);
  const filterOf = async (where: Expression) => {
    const { plan } = await planFilter({ kind: "file.open", where }, kernel);
    return plan.kernel[0]?.filter;
  };
  const name = like("filename", "/etc/*");
  const written = {
    type: "ne",
    left: masked("flags", "int32", 3),
    right: { type: "value", valueType: "int32", value: 0 },
  };
  const both = and(name, written as Expression);
  assert.is(await filterOf(both), '(filename ~ "/etc/*" || !(filename ~ "/*")) && flags & 3');
  let deep: Expression = name;
  for (let depth = 3; depth <= 32; depth++) deep = depth % 2 === 0 ? not(deep) : or(deep, name);
  assert.match((await filterOf(deep)) ?? "", /^\(+!\(filename ~ "\/etc\/\*"\).* \|\| !\(filename ~ "\/\*"\)+$/);
});

test("mounts are followed once for all kinds, as long as one of them is wanted", async () => {
  const kernel = new FakeKernel();
  const sensor = await Sensor.open({
    monitor: { source: kernel.source, tracing: kernel.tracing, readClock: kernel.clock.read },
  });
  await sensor.start();
  const count = () => [...kernel.tracing.probes.probes.values()].filter(({ place }) => place === "path_mount").length;
  const subscribe = (kind: "file.create" | "file.delete") => sensor.newSubscription({ filters: [{ kind }] });
  const both = await Promise.all([subscribe("file.create"), subscribe("file.delete")]);
  assert.is(count(), 1);
  both[0].close();
  const third = await subscribe("file.create");
  assert.is(count(), 1);
  both[1].close();
  third.close();
  while (count() > 0) await new Promise(setImmediate);
  await subscribe("file.delete");
  assert.is(count(), 1);
  await sensor.stop();
});

test("each kind has its own probes, and takes them with it", async () => {
  const { kernel, sensor } = await setUp(["file.rename"]);
  const places = () =>
    [...kernel.tracing.probes.probes.values()].map(({ place }) => place).filter((place) => place.startsWith("vfs_"));
  assert.equal(places(), ["vfs_rename", "vfs_rename"]);
  await sensor.stop();
  assert.equal(places(), []);
});

test.run();
