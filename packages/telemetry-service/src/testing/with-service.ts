import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { TelemetryService, type TelemetryServiceOptions } from "../service.js";
import { FakeSensor } from "./fake-sensor.js";
import { inTemporaryDirectory } from "./temporary.js";

export interface Served {
  readonly sensor: FakeSensor;
  readonly service: TelemetryService;
  /** Of the socket. */
  readonly path: string;
  readonly faults: unknown[];
}

/** Runs a test with a service of a fake sensor on a UNIX socket, and looks that it leaves nothing behind. */
export function withService(body: (served: Served) => Promise<void>, options: TelemetryServiceOptions = {}) {
  return inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    const sensor = new FakeSensor();
    const faults: unknown[] = [];
    const service = new TelemetryService(sensor, `unix:${path}`, {
      onFault: (error) => faults.push(error),
      ...options,
    });
    await service.serve();
    try {
      await body({ sensor, service, path, faults });
    } finally {
      await service.stop();
    }
    assert.equal(readdirSync(directory), []);
    assert.is(service.streams, 0);
    assert.is(sensor.subscriptions.size, 0);
  });
}
