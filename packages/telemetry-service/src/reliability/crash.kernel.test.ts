import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { times } from "../testing/full-counts.js";
import { endOf, type PlainEvent, type PlainResponse, subscribeByGrpcJs } from "../testing/grpc-js-client.js";
import { inTemporaryDirectory, slowness, until } from "../testing/index.js";
import { probeLines } from "../testing/kernel-resources.js";
import { startSensor, withSensor } from "../testing/sensor-program.js";

const KILLS = times(slowness === 1 ? 4 : 1, 100);
const kernel = requires({ root: true, perf: true });
const uprobes = requires({ root: true, perf: true, uprobes: true, programs: ["/bin/sh"] });
const exec = { process_events: [{ type: "PROCESS_EVENT_TYPE_EXEC" }] };
// A probe that leaves a line in uprobe_events while it is there.
const call = { user_events: [{ type: "USER_FUNCTION_CALL_EVENT_TYPE_ENTER", executable: "/bin/sh", symbol: "main" }] };

uprobes(
  `a sensor that is killed ${KILLS} times leaves no probe, starts again at the same place, and harms no other sensor`,
  inTemporaryDirectory(async (directory) => {
    const other = await startSensor(join(directory, "other.sock"));
    const seen = follow(join(directory, "other.sock"), { event_filter: exec });
    await until(() => seen.subscribed, "the other one is subscribed to");
    const path = join(directory, "s.sock");
    const before = probeLines().length;
    for (let i = 0; i < KILLS; i++) {
      const sensor = await startSensor(path);
      const client = follow(path, { event_filter: { ...exec, ...call } });
      await until(() => client.subscribed || client.failed, "it is subscribed to");
      await sensor.kill("SIGKILL");
      client.stream.cancel();
    }
    // Whoever starts next sweeps what is left.
    const last = await startSensor(path);
    assert.is(probeLines().length, before);
    assert.is(await last.kill("SIGTERM"), 0, last.log());

    const child = spawn("/bin/sh", ["-c", "exec /bin/true"], { stdio: "ignore" });
    await once(child, "exit");
    await until(() => seen.events.some((event) => event.process_tgid === child.pid), "the other one goes on");
    seen.stream.cancel();
    assert.is(await other.kill("SIGTERM"), 0, other.log());
  }),
);

kernel(
  "a sensor tells nothing of what it does itself",
  withSensor(async (path, { pid }) => {
    const file = { file_events: [{ type: "FILE_EVENT_TYPE_OPEN" }] };
    const seen = follow(path, { event_filter: { ...exec, ...file } });
    await until(() => seen.subscribed || seen.failed, "it is subscribed to");
    // Its work: new clients, and files of /proc that it reads for processes that it did not know.
    for (let i = 0; i < 5; i++) {
      const client = follow(path, { event_filter: exec });
      await until(() => client.subscribed, "another client is there");
      client.stream.cancel();
      const child = spawn("/bin/true", { stdio: "ignore" });
      await once(child, "exit");
    }
    await until(() => seen.events.filter(({ event }) => event === "process").length >= 5, "the execs are told");
    assert.equal(
      seen.events.filter((event) => event.process_tgid === pid),
      [],
    );
    seen.stream.cancel();
  }),
);

function follow(path: string, subscription: object) {
  const stream = subscribeByGrpcJs(path, subscription);
  const seen = { stream, subscribed: false, failed: false, events: [] as PlainEvent[] };
  stream.on("data", (response: PlainResponse) => {
    seen.subscribed = true;
    for (const { event } of response.events) seen.events.push(event);
  });
  void endOf(stream).then(() => {
    seen.failed = true;
  });
  return seen;
}

test.run();
