// Compares EventEncoder with protobuf-es and prints the ratio of their medians.
//
//   node tools/bench/encoder.mjs [--rounds N] [--events N]
import { parseArgs } from "node:util";
import {
  EventEncoder,
  joinEvents,
  ProcessEventType,
  ReceivedTelemetryEventSchema,
  SyscallEventType,
} from "../../packages/telemetry-api/dist/index.js";
import { create, toBinary } from "../../packages/telemetry-api/node_modules/@bufbuild/protobuf/dist/esm/index.js";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "9" }, events: { type: "string", default: "20000" } },
});
const rounds = Number(values.rounds);
const count = Number(values.events);
// As in a sensor, where an event is encoded soon after it was made, the events fit into the processor's cache.
const pool = Math.min(count, 250);
if (!(rounds >= 1) || !(count >= 1)) {
  console.error("encoder: --rounds and --events take numbers from 1 up");
  process.exit(2);
}

const kinds = {
  "process exec": (index) => ({
    case: "process",
    value: {
      type: ProcessEventType.EXEC,
      execFilename: "/usr/bin/git",
      execCommandLine: ["git", "-C", `/srv/checkout/${index % 100}`, "fetch", "--quiet"],
    },
  }),
  "system call": (index, integer) => ({
    case: "syscall",
    value: {
      type: SyscallEventType.ENTER,
      id: integer(257),
      arg0: integer(0xffffff9c),
      arg1: integer(0x7ffd_0000_0000 + index),
      arg2: integer(0x80000),
      arg3: integer(0),
      arg4: integer(index),
      arg5: integer(0x7f00_1234_5678),
      name: "openat",
    },
  }),
};

console.log(
  `${count} events a round, ${rounds} rounds, Node ${process.version}; thousand events per CPU-second, medians`,
);
for (const [name, kind] of Object.entries(kinds)) {
  const inits = Array.from({ length: pool }, (_, index) => received(index, kind, BigInt));
  const numbers = Array.from({ length: pool }, (_, index) => received(index, kind, Number));
  const messages = inits.map((init) => create(ReceivedTelemetryEventSchema, init));
  const encoder = new EventEncoder();
  const contenders = {
    "protobuf-es": { encode: (event) => toBinary(ReceivedTelemetryEventSchema, event), input: messages },
    "protobuf-es, with create": {
      encode: (event) => toBinary(ReceivedTelemetryEventSchema, create(ReceivedTelemetryEventSchema, event)),
      input: inits,
    },
    "EventEncoder, bigint": { encode: (event) => encoder.encodeReceivedEvent(event), input: inits },
    "EventEncoder, number": { encode: (event) => encoder.encodeReceivedEvent(event), input: numbers },
  };
  const rates = compare(contenders);
  const size = joinEvents([encoder.encodeReceivedEvent(inits[0])]).length;
  console.log(`\n${name}, ${countFields(inits[0])} fields, ${size} bytes`);
  const base = rates["protobuf-es"];
  for (const [contender, rate] of Object.entries(rates)) {
    console.log(`  ${contender.padEnd(26)} ${rate.toFixed(0).padStart(6)}   ${(rate / base).toFixed(1)} x`);
  }
}

/** @param integer makes a 64-bit field's value of a number */
function received(index, kind, integer) {
  const pid = 20_000 + index;
  return {
    publishTimeMicros: integer(1_790_000_000_000_000 + index),
    event: {
      id: `9f2c61d07b3e4a58-${1_000_000 + index}`,
      processId: `c0ffee12-${pid}-8812345`,
      processPid: pid,
      sensorId: "9f2c61d07b3e4a58",
      sensorSequenceNumber: integer(1_000_000 + index),
      sensorMonotimeNanos: integer(123_456_789_012 + index),
      processLineage: ["git", "bash", "systemd"].map((command, depth) => ({ pid: pid - depth, command })),
      event: kind(index, integer),
      cpu: index % 8,
      credentials: { uid: 1000, gid: 1000, euid: 1000, egid: 1000, suid: 1000, sgid: 1000, fsuid: 1000, fsgid: 1000 },
      processTgid: pid,
      // Beyond the safe integers, so always a bigint.
      unixTimeNanos: 1_790_000_000_123_456_789n + BigInt(index),
    },
  };
}

function countFields(value) {
  if (Array.isArray(value)) return value.reduce((sum, item) => sum + countFields(item), 0);
  if (typeof value !== "object") return 1;
  return Object.entries(value).reduce((sum, [key, item]) => sum + (key === "case" ? 0 : countFields(item)), 0);
}

/** Runs the contenders in turn, so that the machine's moods meet them all, after one round to warm up. */
function compare(contenders) {
  const rates = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, { encode, input }] of Object.entries(contenders)) {
      const before = process.cpuUsage();
      let bytes = 0;
      for (let i = 0; i < count; i++) bytes += encode(input[i % pool]).length;
      const { user, system } = process.cpuUsage(before);
      if (bytes === 0) throw new Error(`${name} encoded nothing`);
      if (round > 0) rates[name].push((count / (user + system)) * 1000);
    }
  }
  return Object.fromEntries(Object.entries(rates).map(([name, all]) => [name, median(all)]));
}

function median(numbers) {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1];
}
