import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { requires, unmetNeeds } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { times } from "../testing/full-counts.js";
import { endOf, type PlainEvent, type PlainResponse, subscribeByGrpcJs } from "../testing/grpc-js-client.js";
import { inTemporaryDirectory, slowness, until } from "../testing/index.js";
import { probesOf } from "../testing/kernel-resources.js";
import { libraryCall } from "../testing/library-call.js";
import { startSensor, withSensor } from "../testing/sensor-program.js";

const KILLS = times(slowness === 1 ? 4 : 1, 100);
const kernel = requires({ root: true, perf: true });
const uprobes = requires({ root: true, perf: true, uprobes: true, programs: ["/bin/sh"] });
const kprobes = unmetNeeds({ kprobes: true }).length === 0;
const exec = { process_events: [{ type: "PROCESS_EVENT_TYPE_EXEC" }] };
/** Probes, each of which is a line in tracefs while it is there. */
const calls = () => ({
  user_events: [{ type: "USER_FUNCTION_CALL_EVENT_TYPE_ENTER", ...libraryCall() }],
  ...(kprobes && { kernel_events: [{ type: "KERNEL_FUNCTION_CALL_EVENT_TYPE_ENTER", symbol: "do_exit" }] }),
});
const PROBES = kprobes ? 2 : 1;

uprobes(
  `crash leftovers: a sensor that is killed ${KILLS} times leaves no probe when it runs again, and harms no other sensor`,
  inTemporaryDirectory(async (directory) => {
    const other = await startSensor(join(directory, "other.sock"));
    const seen = follow(join(directory, "other.sock"), { event_filter: { ...exec, ...calls() } });
    await until(() => seen.statuses !== undefined, "the other one is subscribed to");
    assert.equal(seen.statuses, [0]);
    const living = await probesOf(other.pid);
    const path = join(directory, "s.sock");
    let sensor = await startSensor(path);
    for (let i = 0; i < KILLS; i++) {
      // On some kernels it has probes whoever subscribes.
      const own = (await probesOf(sensor.pid)).length;
      const client = follow(path, { event_filter: { ...exec, ...calls() } });
      await until(() => client.statuses !== undefined, "it is subscribed to");
      assert.equal(client.statuses, [0]);
      assert.is((await probesOf(sensor.pid)).length, own + PROBES, "it has its probes");
      await sensor.kill("SIGKILL");
      client.stream.cancel();
      assert.is((await probesOf(sensor.pid)).length, own + PROBES, "the kernel keeps them");
      const { pid } = sensor;
      sensor = await startSensor(path);
      assert.equal(await probesOf(pid), [], "whoever starts next sweeps them, also where nobody asks for probes");
    }
    assert.is(await sensor.kill("SIGTERM"), 0, sensor.log());
    assert.equal(await probesOf(sensor.pid), []);
    assert.equal(await probesOf(other.pid), living);

    const child = spawn("/bin/sh", ["-c", "exec /bin/true"], { stdio: "ignore" });
    await once(child, "exit");
    const told = (kind: string) => seen.events.some((each) => each.event === kind && each.process_tgid === child.pid);
    for (const kind of ["process", "user_call", ...(kprobes ? ["kernel_call"] : [])]) {
      await until(() => told(kind), `the other one tells of ${kind}`);
    }
    seen.stream.cancel();
    assert.is(await other.kill("SIGTERM"), 0, other.log());
    assert.equal(await probesOf(other.pid), []);
  }),
);

kernel(
  "self-noise: a sensor that is asked for execs and opened files tells nothing of what it does itself",
  withSensor(async (path, { pid }) => {
    const file = { file_events: [{ type: "FILE_EVENT_TYPE_OPEN" }] };
    const seen = follow(path, { event_filter: { ...exec, ...file } });
    await until(() => seen.statuses !== undefined, "it is subscribed to");
    // Files are told of where there are kernel probes, and refused elsewhere.
    assert.equal(seen.statuses, [kprobes ? 0 : 9]);
    // Its work: new clients, and files of /proc that it reads for processes that it did not know.
    for (let i = 0; i < 5; i++) {
      const client = follow(path, { event_filter: exec });
      await until(() => client.statuses !== undefined, "another client is there");
      client.stream.cancel();
      const child = spawn("/bin/true", { stdio: "ignore" });
      await once(child, "exit");
    }
    await until(() => seen.events.filter(({ event }) => event === "process").length >= 5, "the execs are told");
    if (kprobes)
      assert.ok(
        seen.events.some(({ event }) => event === "file"),
        "files that others open are told",
      );
    assert.equal(
      seen.events.filter((event) => event.process_tgid === pid),
      [],
    );
    seen.stream.cancel();
  }),
);

function follow(path: string, subscription: object) {
  const stream = subscribeByGrpcJs(path, subscription);
  const seen = { stream, statuses: undefined as number[] | undefined, events: [] as PlainEvent[] };
  stream.on("data", (response: PlainResponse) => {
    seen.statuses ??= response.statuses.map(({ code }) => code);
    for (const { event } of response.events) seen.events.push(event);
  });
  void endOf(stream).then((error) => {
    seen.statuses ??= [error?.code ?? 0];
  });
  return seen;
}

test.run();
