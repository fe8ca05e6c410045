// The process that is measured: a sensor with a subscriber of its own (`inside`), with the service (`service`) or alone
// (`nobody`). Told what to do by its parent's messages.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Sensor, syscallNumber } from "../../../packages/sensor/dist/index.js";
import { TelemetryService } from "../../../packages/telemetry-service/dist/index.js";

const [mode] = process.argv.slice(2);
const call = syscallNumber("sched_get_priority_max");
const sensor = await Sensor.open();
await sensor.start();
const folder = mkdtempSync(join(tmpdir(), "kernscope-bench-"));
const path = join(folder, "s.sock");
let service;
let inside = 0;
let before = process.cpuUsage();

/** @type {Record<string, () => unknown>} */
const actions = {
  begin() {
    before = process.cpuUsage();
    peak = process.memoryUsage.rss();
  },
  end() {
    const { user, system } = process.cpuUsage(before);
    const { lost, dropped } = sensor.metrics();
    return { user, system, lost, dropped, inside, streams: service?.streams ?? 0, rss: peak };
  },
  async stop() {
    await service?.stop();
    await sensor.stop();
    rmSync(folder, { recursive: true });
    process.disconnect();
  },
};
let peak = 0;
setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 100).unref();

if (mode === "inside") {
  const id = { type: "identifier", name: "id" };
  const number = { type: "value", valueType: "int64", value: call };
  const stream = await sensor.newSubscription({
    filters: [{ kind: "syscall.enter", where: { type: "eq", left: id, right: number } }],
  });
  void (async () => {
    for await (const batch of stream) for (const { event } of batch) if (event.case === "syscall") inside++;
  })();
} else if (mode === "service") {
  service = new TelemetryService(sensor, `unix:${path}`, { onFault: (error) => console.error(error) });
  await service.serve();
}
process.on("message", async (action) => {
  const result = await actions[String(action)]();
  if (process.connected) process.send?.(result ?? {});
});
process.send?.({ path, call, origin: Number(sensor.monitor.clock.origin) });
