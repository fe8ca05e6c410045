import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readSync } from "node:fs";
import { createInterface } from "node:readline";
import { type CompiledProgram, compileProgram, requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CallchainContext } from "./callchain-context.js";
import { decodeDataSource } from "./data-source.js";
import { EventMonitor } from "./event-monitor.js";
import { UserRegister } from "./registers.js";
import type { SampleOptions } from "./sample-options.js";
import type { SampleRecord } from "./sample-record.js";

const onKernel = requires({ perf: true, kernel: "5.12" });

/**
 * A thread, bound to a CPU, whose every doing is at a place that it tells: the functions have sections of their own, so
 * that their ends are known, too. It works at the first line and waits for the second one.
 */
const source = `
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#define PLACED(name) __attribute__((noinline, section(#name "_code"))) static
#define RANGE(name) extern char __start_##name##_code[], __stop_##name##_code[]
#define TELL(name) printf("\\"%s\\":[\\"%p\\",\\"%p\\"],", #name, (void *)__start_##name##_code, (void *)__stop_##name##_code)
RANGE(store); RANGE(touch); RANGE(spin); RANGE(work);
enum { PAGES = 50, STORES = 20, NAPS = 20 };
static volatile long watched;

// Functions that call none need no frame, unless they ask for it.
#define FRAME __asm__ volatile("" : : "r"(__builtin_frame_address(0)))

PLACED(store) void store(long value) { FRAME; watched = value; }
PLACED(touch) void touch(volatile char *place) { FRAME; *place = 1; }
PLACED(spin) void spin(unsigned long rounds) {
  FRAME;
  for (volatile unsigned long i = 0; i < rounds; i++) ;
}

static unsigned long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

PLACED(work) void work(char *pages, long size) {
  for (int i = 0; i < STORES; i++) store(1000 + i);
  for (int i = 0; i < PAGES; i++) touch(pages + i * size + 8 * i);
  const unsigned long long begin = now();
  while (now() < begin + 100000000) spin(100000);
  const unsigned long long end = now();
  for (int i = 0; i < NAPS; i++) usleep(100);
  printf("{\\"begin\\":\\"%llu\\",\\"end\\":\\"%llu\\"}\\n", begin, end);
  fflush(stdout);
}

static void *thread(void *unused) {
  char line[8];
  cpu_set_t cpus;
  const int cpu = sched_getcpu();
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  sched_setaffinity(0, sizeof cpus, &cpus);
  const long size = sysconf(_SC_PAGESIZE);
  char *pages = mmap(0, PAGES * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(pages, PAGES * size, MADV_NOHUGEPAGE);
  store(0);
  usleep(1);
  printf("{");
  TELL(store); TELL(touch); TELL(spin); TELL(work);
  printf("\\"watched\\":\\"%p\\",\\"pages\\":\\"%p\\",\\"stack\\":\\"%p\\",", (void *)&watched, (void *)pages, (void *)&cpus);
  printf("\\"size\\":%ld,\\"cpu\\":%d,\\"tid\\":%ld}\\n", size, cpu, (long)syscall(SYS_gettid));
  fflush(stdout);
  if (fgets(line, sizeof line, stdin)) work(pages, size);
  if (!fgets(line, sizeof line, stdin)) return unused;
  return unused;
}

int main(void) {
  pthread_t worker;
  pthread_create(&worker, 0, thread, 0);
  return pthread_join(worker, 0);
}`;
const PAGES = 50;
const STORES = 20;
const NAPS = 20;

interface Told {
  store: [string, string];
  touch: [string, string];
  spin: [string, string];
  work: [string, string];
  watched: string;
  pages: string;
  /** An address in the stack of the thread. */
  stack: string;
  size: number;
  cpu: number;
  tid: number;
}

let program: CompiledProgram | undefined;
test.after(() => program?.[Symbol.dispose]());

/** The program, waiting to work. */
class Subject implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  told!: Told;

  static async start(): Promise<Subject> {
    program ??= compileProgram("ks-sample", source, ["-fno-omit-frame-pointer", "-lpthread"]);
    const subject = new Subject(spawn(program.path, { stdio: ["pipe", "pipe", "inherit"] }));
    subject.told = JSON.parse(await subject.#line());
    return subject;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout as NonNullable<ChildProcess["stdout"]> })[
      Symbol.asyncIterator
    ]();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Nanoseconds of the monitor's clock: when it began and ended to spin. */
  async work(): Promise<{ begin: bigint; end: bigint }> {
    this.#child.stdin?.write("go\n");
    const { begin, end } = JSON.parse(await this.#line());
    return { begin: BigInt(begin), end: BigInt(end) };
  }

  isIn(name: "store" | "touch" | "spin" | "work", address: bigint | undefined): boolean {
    const [start, stop] = this.told[name];
    return address !== undefined && address >= BigInt(start) && address <= BigInt(stop);
  }

  /** Where a page is in memory, by proc_pid_pagemap(5); `undefined` where this process may not know. */
  physical(address: bigint): bigint | undefined {
    const size = BigInt(this.told.size);
    const entry = Buffer.alloc(8);
    const file = openSync(`/proc/${this.pid}/pagemap`, "r");
    readSync(file, entry, 0, 8, (address / size) * 8n);
    closeSync(file);
    const frame = entry.readBigUInt64LE() & ((1n << 55n) - 1n);
    return frame === 0n ? undefined : frame * size + (address % size);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const over = once(this.#child, "exit");
    this.#child.stdin?.end("end\n");
    await over;
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    assert.not.ok(done, "it ended before its time");
    return value;
  }
}

const { SP, ...others } = process.arch === "x64" ? UserRegister.x64 : UserRegister.arm64;
const IP = "IP" in others ? others.IP : others.PC;
/** The first argument of a function. */
const ARGUMENT = "DI" in others ? others.DI : others.X0;
const registers = (1n << BigInt(SP)) | (1n << BigInt(IP)) | (1n << BigInt(ARGUMENT));

/** Every field that a software event or breakpoint can have, all in one sample: each place depends on those before it. */
const everything: SampleOptions = {
  ip: true,
  addr: true,
  streamId: true,
  period: true,
  values: true,
  callchain: true,
  cgroup: true,
  userRegisters: registers,
  userStack: 256,
  interruptRegisters: registers,
  weight: true,
  dataSource: true,
  transaction: true,
  physicalAddress: true,
  dataPageSize: true,
  codePageSize: true,
};

/** What a sample says, as a copy. */
function copy(record: SampleRecord) {
  return {
    pid: record.pid,
    tid: record.tid,
    cpu: record.cpu,
    time: record.time,
    id: record.id,
    mode: record.misc & 7,
    ip: record.ip,
    addr: record.addr,
    streamId: record.streamId,
    period: record.period,
    count: record.values?.counters[0]?.value,
    callchain: [...(record.callchain ?? [])],
    cgroup: record.cgroup,
    userAbi: record.userRegistersAbi,
    user: [IP, SP, ARGUMENT].map((register) => record.userRegister(register)),
    userStack: record.userStack?.length,
    abi: record.interruptRegistersAbi,
    interrupt: [IP, SP, ARGUMENT].map((register) => record.interruptRegister(register)),
    weight: record.weight,
    weightParts: record.weightParts,
    dataSource: record.dataSource,
    transaction: record.transaction,
    physicalAddress: record.physicalAddress,
    dataPageSize: record.dataPageSize,
    codePageSize: record.codePageSize,
    corrupt: record.corrupt,
  };
}
type Sample = ReturnType<typeof copy>;

/** PERF_RECORD_MISC_CPUMODE_MASK */
const KERNEL = 1;
const USER = 2;

async function finish(monitor: EventMonitor): Promise<void> {
  await monitor.disable();
  const run = monitor.run();
  await monitor.stop();
  await run;
}

/** What all samples of the thread say alike. */
function checkCommon(subject: Subject, samples: readonly Sample[], since: bigint, until: bigint): void {
  for (const sample of samples) {
    const { pid, tid, cpu, time, streamId, id, corrupt, cgroup } = sample;
    assert.equal([pid, tid, cpu, corrupt], [subject.pid, subject.told.tid, subject.told.cpu, false]);
    assert.ok(time >= since && time <= until, `${time} is not from ${since} to ${until}`);
    assert.is(streamId, id, "it is no inherited event");
    assert.ok(cgroup > 0);
    // Software counts no costs, and knows nothing of the memory's levels: PERF_MEM_NA.
    assert.equal([sample.weight, sample.transaction], [0n, 0n]);
    assert.equal(sample.weightParts, { var1: 0, var2: 0, var3: 0 });
    const { operation, level, snoop, lock, tlb } = decodeDataSource(sample.dataSource ?? 0n);
    assert.equal([operation, level, snoop, lock, tlb], [1, 1, 1, 1, 1]);
  }
  assert.is(new Set(samples.map(({ id }) => id)).size, 1);
  for (const [index, { time }] of samples.entries()) assert.ok(time >= (samples[index - 1]?.time ?? 0n));
}

/** What a sample says whose code was in user space. */
function checkUserSpace(subject: Subject, { ip, mode, user, interrupt, abi, userAbi, callchain, userStack }: Sample) {
  const { work, stack } = subject.told;
  assert.equal([mode, abi, userAbi, userStack], [USER, 2, 2, 256]);
  assert.equal(user, interrupt);
  assert.is(interrupt[0], ip);
  const depth = BigInt(stack) - (interrupt[1] ?? 0n);
  assert.ok(depth > 0n && depth < 4096n, `${depth} bytes below the thread's own frame`);
  const [context, first, ...callers] = callchain;
  assert.equal([context, first], [CallchainContext.USER, ip]);
  assert.ok(
    callers.some((caller) => subject.isIn("work", caller)),
    `${callers.map((caller) => caller.toString(16))} not from ${work}`,
  );
}

onKernel("a breakpoint's samples: each field is what the program did", async () => {
  await using subject = await Subject.start();
  await using monitor = await EventMonitor.open({ pids: [subject.pid] });
  const { clock } = monitor;
  const samples: Sample[] = [];
  const address = BigInt(subject.told.watched);
  const breakpoint = { address, access: "write", length: 8 } as const;
  const options = { period: 1, sample: everything };
  await monitor.registerCounterGroup([{ breakpoint }], (record) => samples.push(copy(record)), options);
  const before = subject.physical(address);
  const since = clock.origin + BigInt(clock.now());
  await subject.work();
  const after = subject.physical(address);
  await finish(monitor);
  const until = clock.origin + BigInt(clock.now());
  assert.is(samples.length, STORES);
  checkCommon(subject, samples, since, until);
  for (const [index, sample] of samples.entries()) {
    checkUserSpace(subject, sample);
    assert.ok(subject.isIn("store", sample.ip), `${sample.ip?.toString(16)} is not in ${subject.told.store}`);
    assert.is(sample.addr, address);
    assert.equal([sample.period, sample.count], [1n, BigInt(index + 1)]);
    // What was stored is still in the register that it came in.
    assert.is(sample.interrupt[2], BigInt(1000 + index));
    if (before !== undefined && before === after) assert.is(sample.physicalAddress, before);
    else assert.is((sample.physicalAddress ?? 0n) % BigInt(subject.told.size), address % BigInt(subject.told.size));
    assert.is(sample.dataPageSize, BigInt(subject.told.size));
    assert.ok((sample.codePageSize ?? 0n) >= BigInt(subject.told.size), `${sample.codePageSize}`);
  }
});

onKernel("page faults: the address of each page that is touched, and who touches it", async () => {
  await using subject = await Subject.start();
  await using monitor = await EventMonitor.open({ pids: [subject.pid] });
  const { clock } = monitor;
  const samples: Sample[] = [];
  const options = { period: 1, sample: everything };
  // These are counted when the page is there, PAGE_FAULTS before.
  const faults = [{ software: "PAGE_FAULTS_MIN" }] as const;
  await monitor.registerCounterGroup(faults, (record) => samples.push(copy(record)), options);
  const since = clock.origin + BigInt(clock.now());
  await subject.work();
  const { size, pages } = subject.told;
  const places = Array.from({ length: PAGES }, (_, index) => BigInt(pages) + BigInt(index * size + 8 * index));
  const physical = places.map((place) => subject.physical(place));
  await finish(monitor);
  const until = clock.origin + BigInt(clock.now());
  checkCommon(subject, samples, since, until);
  const touched = samples.filter(({ ip }) => subject.isIn("touch", ip));
  assert.equal(
    touched.map(({ addr }) => addr),
    places,
  );
  for (const [index, sample] of touched.entries()) {
    checkUserSpace(subject, sample);
    assert.is(sample.period, 1n);
    assert.is(sample.interrupt[2], places[index]);
    assert.is(sample.dataPageSize, BigInt(size));
    if (physical[index] !== undefined) assert.is(sample.physicalAddress, physical[index]);
  }
});

onKernel("the clock of a CPU: a sample each millisecond, in the function that spins", async () => {
  await using subject = await Subject.start();
  await using monitor = await EventMonitor.open({ pids: [subject.pid] });
  const { clock } = monitor;
  const samples: Sample[] = [];
  const options = { period: 1_000_000, sample: everything };
  await monitor.registerCounterGroup([{ software: "CPU_CLOCK" }], (record) => samples.push(copy(record)), options);
  const since = clock.origin + BigInt(clock.now());
  const { begin, end } = await subject.work();
  await finish(monitor);
  const until = clock.origin + BigInt(clock.now());
  checkCommon(subject, samples, since, until);
  for (const { period } of samples) assert.is(period, 1_000_000n);
  const spinning = samples.filter(({ time, mode }) => time > begin && time < end && mode === USER);
  assert.ok(spinning.length > 0);
  const inside = spinning.filter(({ ip }) => subject.isIn("spin", ip));
  for (const sample of inside) checkUserSpace(subject, sample);
  // Between two rounds it asks for the time.
  assert.ok(inside.length * 2 > spinning.length, `${inside.length} of ${spinning.length}`);
});

onKernel("context switches: taken in the kernel, once for each nap", async () => {
  await using subject = await Subject.start();
  await using monitor = await EventMonitor.open({ pids: [subject.pid] });
  const { clock } = monitor;
  const samples: Sample[] = [];
  const options = { period: 1, sample: { ...everything, weight: "parts" } as const };
  await monitor.registerCounterGroup(
    [{ software: "CONTEXT_SWITCHES" }],
    (record) => samples.push(copy(record)),
    options,
  );
  const since = clock.origin + BigInt(clock.now());
  const { end } = await subject.work();
  await finish(monitor);
  const until = clock.origin + BigInt(clock.now());
  checkCommon(subject, samples, since, until);
  assert.ok(samples.filter(({ time }) => time >= end).length >= NAPS);
  for (const { mode, ip, interrupt, abi, callchain, period, userAbi } of samples) {
    assert.equal([mode, abi, userAbi, period], [KERNEL, 2, 2, 1n]);
    assert.ok((ip ?? 0n) >= 1n << 63n, "an address of the kernel");
    assert.is(interrupt[0], ip);
    assert.is(callchain[0], CallchainContext.KERNEL);
    assert.ok(callchain.includes(CallchainContext.USER));
  }
});

test.run();
