import type { RequiringTest } from "@kernscope/test-support";
import * as assert from "uvu/assert";
import type { EventMonitor } from "./event-monitor.js";
import type { EventMonitorOptions, RegistrationOptions } from "./monitor-options.js";

/** Something that a monitor can watch: the kernel, or a fake of it. */
export interface Stage {
  open(options?: EventMonitorOptions): Promise<EventMonitor>;
  /** Makes one `task/task_rename` of this process happen. */
  rename(name: string): void;
}

/** A prefix that tells the renames of these tests from what else happens on the machine. */
const OURS = "ks-";

interface Rename {
  pid: number;
  newcomm: string;
}

/** What every monitor does, wherever its records come from. */
export function monitorContract(test: RequiringTest, stage: Stage): void {
  /** Collects the names that are ours, without the prefix. */
  const watch = async (monitor: EventMonitor, options: RegistrationOptions = {}) => {
    const seen: string[] = [];
    const handler = (_record: unknown, { newcomm }: Rename) => {
      if (newcomm.startsWith(OURS)) seen.push(newcomm.slice(OURS.length));
    };
    const id = await monitor.registerTracepoint<Rename>("task/task_rename", handler, options);
    return { id, seen };
  };
  const rename = (...names: readonly string[]) => {
    for (const name of names) stage.rename(OURS + name);
  };
  const runAndStop = async (monitor: EventMonitor) => {
    const run = monitor.run();
    await monitor.stop();
    await run;
  };

  test("what happened before run and before stop comes, in order", async () => {
    await using monitor = await stage.open();
    const { seen } = await watch(monitor);
    let elapsed = -1;
    await monitor.registerTracepoint("task/task_rename", (record, data) => {
      assert.ok(record.elapsed >= elapsed || record.late);
      elapsed = record.elapsed;
      if (String(data.newcomm).startsWith(OURS)) assert.is(data.pid, record.tid);
      assert.ok(monitor.cpus.includes(record.cpu));
    });
    const names = Array.from({ length: 40 }, (_, index) => String(index));
    rename(...names.slice(0, 20));
    const run = monitor.run();
    rename(...names.slice(20));
    await monitor.stop();
    await run;
    assert.equal(seen, names);
    assert.ok(elapsed > 0 && elapsed <= monitor.clock.now());
  });

  test("what happens between two runs comes in the second", async () => {
    await using monitor = await stage.open();
    const { seen } = await watch(monitor);
    rename("a");
    await runAndStop(monitor);
    rename("b");
    assert.equal(seen, ["a"]);
    await runAndStop(monitor);
    assert.equal(seen, ["a", "b"]);
  });

  test("enabling and disabling, one, groups and all", async () => {
    await using monitor = await stage.open();
    const group = monitor.createGroup();
    const one = await watch(monitor, { enabled: false });
    const two = await watch(monitor, { enabled: false, group });
    const three = await watch(monitor, { enabled: false, group });
    rename("none");
    await monitor.enable(one.id);
    rename("one");
    await monitor.enable(group);
    rename("all");
    await monitor.disable(one.id);
    rename("group");
    await monitor.disable();
    rename("none again");
    await monitor.enable();
    rename("again");
    await runAndStop(monitor);
    assert.equal(one.seen, ["one", "all", "again"]);
    assert.equal(two.seen, ["all", "group", "again"]);
    assert.equal(three.seen, two.seen);
  });

  test("unregistering takes nothing from the others", async () => {
    await using monitor = await stage.open();
    const group = monitor.createGroup();
    const stays = await watch(monitor);
    const one = await watch(monitor);
    const two = await watch(monitor, { group });
    const run = monitor.run();
    rename("a");
    await monitor.unregister(one.id);
    rename("b");
    await monitor.unregister(group);
    rename("c");
    await monitor.stop();
    await run;
    assert.equal(stays.seen, ["a", "b", "c"]);
    assert.not.ok(one.seen.includes("b"));
    assert.not.ok(two.seen.includes("c"));
    const { total, events } = await monitor.loss();
    assert.equal(
      events.map(({ id }) => id),
      [stays.id],
    );
    assert.ok(total.hits > (events[0]?.hits ?? 0n));
  });

  test("external samples come in time order among the kernel's", async () => {
    await using monitor = await stage.open();
    const times: number[] = [];
    let notes = 0;
    const external = monitor.registerExternalEvent<string>("note", (sample, data) => {
      times.push(sample.elapsed);
      notes++;
      assert.is(sample.event, external);
      assert.is(data, "just after");
    });
    await monitor.registerTracepoint("task/task_rename", (record) => {
      if (!record.late) times.push(record.elapsed);
      const sampleId = record.sampleId();
      monitor.enqueueExternalSample(external, { ...sampleId, elapsed: sampleId.elapsed + 1 }, "just after");
    });
    const names = Array.from({ length: 20 }, (_, index) => String(index));
    rename(...names);
    const run = monitor.run();
    await monitor.stop();
    await run;
    // The time after the last record may not have come yet.
    assert.ok(notes >= names.length - 1);
    assert.equal(
      times,
      [...times].sort((a, b) => a - b),
    );
  });

  test("hits = delivered where nothing is lost", async () => {
    await using monitor = await stage.open();
    const { id } = await watch(monitor);
    rename("a", "b", "c");
    await monitor.disable();
    await runAndStop(monitor);
    const { total, events } = await monitor.loss();
    const event = events.find((each) => each.id === id);
    assert.ok(event !== undefined && event.hits >= 3n);
    assert.is(Number(event.hits), event.delivered);
    assert.is(
      event.hits,
      event.byCpu.reduce((sum, { hits }) => sum + hits, 0n),
    );
    const { hits, lost, delivered } = event;
    assert.equal(total, { hits, lost, delivered, discarded: 0, missed: 0n, throttled: 0 });
    assert.ok(event.lost === undefined || event.lost === 0n);
  });

  test("what a handler throws ends the run, and loses nothing but its record", async () => {
    await using monitor = await stage.open();
    const seen: string[] = [];
    await monitor.registerTracepoint<Rename>("task/task_rename", (_record, { newcomm }) => {
      if (!newcomm.startsWith(OURS)) return;
      seen.push(newcomm);
      if (newcomm === `${OURS}b`) throw new Error(newcomm);
    });
    rename("a", "b", "c");
    const error = await monitor.run().catch((error) => error);
    assert.is(error.message, `${OURS}b`);
    await runAndStop(monitor);
    assert.equal(seen, [`${OURS}a`, `${OURS}b`, `${OURS}c`]);
  });

  test("an event that is not there, and a monitor that was closed, say so", async () => {
    const monitor = await stage.open();
    const codeOf = (promise: Promise<unknown>) =>
      promise.then(
        () => "none",
        (error) => error.code,
      );
    assert.is(await codeOf(monitor.registerTracepoint("task/no_such_thing", () => {})), "not_found");
    const { id } = await watch(monitor);
    await monitor.close();
    await monitor.close();
    assert.is(await codeOf(watch(monitor)), "closed");
    assert.is(await codeOf(monitor.run()), "closed");
    assert.is(await codeOf(monitor.enable(id)), "closed");
    assert.is(await codeOf(monitor.loss()), "closed");
  });

  test("closing ends the run, events flowing", async () => {
    const monitor = await stage.open();
    const { seen } = await watch(monitor);
    const run = monitor.run();
    rename("a", "b");
    await monitor.close();
    await run;
    const count = seen.length;
    rename("c");
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.is(seen.length, count);
  });
}
