// What a record costs from the span to the handler, without the kernel: a source hands out the same span of records again
// and again, and the monitor's thread is the only thing that works. Prints nanoseconds per record, best and median of
// several rounds.
//
//   node tools/bench/dispatch.mjs [--records N] [--rounds N]
import { parseArgs } from "node:util";
import { EventMonitor, parseTraceFormat } from "../../packages/perf/dist/index.js";
import { encodeRaw, FakeKernel, format, ReplaySource } from "../../packages/perf/dist/testing/index.js";

const { values } = parseArgs({
  options: { records: { type: "string", default: "1000000" }, rounds: { type: "string", default: "7" } },
});
const records = Number(values.records);
const rounds = Number(values.rounds);

const openFormat = format("sys_enter_openat", 900, [
  "int __syscall_nr;\toffset:8;\tsize:4;\tsigned:1;",
  "int dfd;\toffset:16;\tsize:8;\tsigned:0;",
  "const char * filename;\toffset:24;\tsize:8;\tsigned:0;",
  "int flags;\toffset:32;\tsize:8;\tsigned:0;",
  "umode_t mode;\toffset:40;\tsize:8;\tsigned:0;",
]);
const mixture = {
  "task/task_rename": { pid: 1234, oldcomm: "old", newcomm: "new" },
  "task/task_newtask": { pid: 1234, comm: "node", clone_flags: 0x1200011 },
  "sched/sched_process_exec": { filename: "/usr/bin/env", pid: 1234, old_pid: 1234 },
  "sched/sched_process_exit": { comm: "true", pid: 1234, prio: 120, group_dead: true },
  "signal/signal_generate": { sig: 17, comm: "bash", pid: 1233, group: 1 },
  "signal/signal_deliver": { sig: 17, sa_handler: 0x5555_1234_5678, sa_flags: 0x14000000 },
};
const openat = { __syscall_nr: 257, dfd: -100, filename: 0x7fff_1234_5678n, flags: 0x80000, mode: 0 };
// A typed array, because a variable would be boxed anew by every handler.
const sum = new Float64Array(1);

await report("dispatch alone", { "syscalls/sys_enter_openat": openat }, () => {
  sum[0]++;
});
await report("cursor, 3 fields", { "syscalls/sys_enter_openat": openat }, (record, data) => {
  sum[0] += record.tid + data.dfd + data.flags;
});
await report("cursor, all fields and the header", { "syscalls/sys_enter_openat": openat }, (record, data) => {
  sum[0] += record.pid + record.tid + record.cpu + record.elapsed;
  sum[0] += data.__syscall_nr + data.dfd + data.filename + data.flags + data.mode;
});
await report("cursor, two comms and a pid", { "task/task_rename": mixture["task/task_rename"] }, (_record, data) => {
  sum[0] += data.oldcomm.length + data.newcomm.length + data.pid;
});
await report(
  "a path as string",
  { "sched/sched_process_exec": mixture["sched/sched_process_exec"] },
  (_record, data) => {
    sum[0] += data.filename.length;
  },
);
await report("6 formats mixed, 3 of the header", mixture, (record) => {
  sum[0] += record.pid + record.cpu + record.elapsed;
});
await report("6 formats mixed, 3 fields each", mixture, undefined);
if (!Number.isFinite(sum[0])) throw new Error("the handlers read no numbers");

/** Handlers of the mixture, one an event, as a program would write them. */
function handlerOf(name) {
  const handlers = {
    "task/task_rename": (record, data) => {
      sum[0] += record.tid + data.pid + data.oom_score_adj;
    },
    "task/task_newtask": (record, data) => {
      sum[0] += record.tid + data.pid + data.clone_flags;
    },
    "sched/sched_process_exec": (record, data) => {
      sum[0] += record.tid + data.pid + data.old_pid;
    },
    "sched/sched_process_exit": (record, data) => {
      sum[0] += record.tid + data.pid + data.group_dead;
    },
    "signal/signal_generate": (record, data) => {
      sum[0] += record.tid + data.sig + data.pid;
    },
    "signal/signal_deliver": (record, data) => {
      sum[0] += record.tid + data.sig + data.sa_flags;
    },
  };
  return handlers[name];
}

async function report(title, events, handler) {
  const kernel = new FakeKernel({ formats: { "syscalls/sys_enter_openat": openFormat } });
  const source = new ReplaySource(kernel.source);
  const { tracing, clock } = kernel;
  const monitor = await EventMonitor.open({ source, tracing, readClock: clock.read });
  const spans = [];
  for (const [name, fields] of Object.entries(events)) {
    const event = await monitor.registerTracepoint(name, handler ?? handlerOf(name));
    const raw = encodeRaw(parseTraceFormat(tracing.formatOf(name)), fields);
    spans.push({ event, raw });
  }
  source.load(spans, monitor.clock.origin);
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const started = process.hrtime.bigint();
    const run = monitor.run();
    await source.replay(records);
    times.push(Number(process.hrtime.bigint() - started) / source.handedOut);
    source.handedOut = 0;
    await monitor.stop();
    await run;
  }
  await monitor.close();
  times.sort((a, b) => a - b);
  console.log(`${title.padEnd(36)} ${times[0].toFixed(1).padStart(6)} ns  (median ${times[rounds >> 1].toFixed(1)})`);
}
