import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { Tracefs } from "@kernscope/perf";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LostRecordCause } from "./payload.js";
import { EventBed, type Gathering } from "./testing/event-bed.js";

// Others' probes fall silent with ours.
const ownProbes = requires({ root: true, perf: true, kprobes: true, ownKernel: true });

/** Where all kernel probes of a host can be disarmed. */
const switches = ["/sys/kernel/debug/kprobes/enabled", "/proc/sys/kernel/ftrace_enabled"];

/** What was told of probes that do not fire. */
const silencesOf = ({ events }: Gathering) =>
  events.flatMap(({ event }) =>
    event.case === "lost" && event.value.cause === LostRecordCause.PROBES_DISARMED ? [event.value] : [],
  );

/** Milliseconds after which it was told: three seconds, if nothing else keeps the machine busy. */
const SOON = 15_000;

async function until(condition: () => boolean, most = 60_000): Promise<void> {
  const latest = performance.now() + most;
  while (!condition()) {
    assert.ok(performance.now() < latest, `not within ${most} ms: ${condition}`);
    await setTimeout(20);
  }
}

ownProbes("disarmed probes are told of, and again when they fire; one that is in use stays", async () => {
  await using bed = await EventBed.open();
  const { sensor } = bed;
  const filters = [{ kind: "kernel-call.enter" as const, symbol: "version_proc_show" }];
  const gathered = await bed.gather({ filters });
  assert.is(sensor.probesSilent, false);
  assert.equal(gathered.stream.statuses, [{ code: 0, message: "" }]);
  const calls = () => gathered.events.filter(({ event }) => event.case === "kernelCall").length;
  bed.run("/bin/cat", "/proc/version");
  await until(() => calls() === 1);

  let told = 0;
  for (const path of switches) {
    const before = readFileSync(path, "utf8");
    const at = sensor.monitor.clock.now();
    writeFileSync(path, "0");
    try {
      await until(() => silencesOf(gathered).length === told + 1, SOON);
      assert.ok(sensor.probesSilent);
      const late = await sensor.newSubscription({ filters });
      assert.match(late.statuses[0]!.message, /^kernel-call\.enter: kernel probes were disarmed/);
      late.close();
    } finally {
      writeFileSync(path, before);
    }
    await until(() => silencesOf(gathered).length === told + 2, SOON);
    assert.is(sensor.probesSilent, false);
    for (const { lost, firstMonotimeNanos, lastMonotimeNanos } of silencesOf(gathered).slice(told)) {
      assert.is(lost, 0);
      // Disarming takes a while after the write.
      assert.ok(firstMonotimeNanos! < lastMonotimeNanos! && lastMonotimeNanos! > at, "they fell silent after that");
    }
    told += 2;
  }

  // A probe's own files do not reach what perf has opened: it goes on.
  const tracefs = await Tracefs.open();
  const lines = (await tracefs.read("kprobe_events")).split("\n").filter((line) => / version_proc_show\b/.test(line));
  const names = lines.map((line) => /:(\S+)/.exec(line)![1]!);
  assert.is(names.length, 2);
  for (const name of names) {
    writeFileSync(`${tracefs.directory}/events/${name}/enable`, "0");
    const error = await tracefs.append("kprobe_events", `-:${name}`).catch((caught) => caught);
    assert.is(error?.errno, "EBUSY");
  }
  await tracefs.close();
  bed.run("/bin/cat", "/proc/version");
  await until(() => calls() === 2);
  assert.is(sensor.probesSilent, false);
});

test.run();
