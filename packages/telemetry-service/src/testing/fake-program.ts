// kernscope-sensor with a fake sensor, for tests: FAKE_FAILURE is the code of the error that opening it fails with,
// FAKE_EVENTS the number of execs that it emits when somebody has subscribed.
import { SensorError, type SensorErrorCode } from "@kernscope/sensor";
import { type OwnedSensor, runProgram } from "../program.js";
import { execEvent } from "./events.js";
import { FakeSensor } from "./fake-sensor.js";

const { env } = process;

class OwnedFakeSensor extends FakeSensor implements OwnedSensor {
  #onFailure: (error: SensorError) => void = () => {};
  readonly failed = new Promise<SensorError>((resolve) => {
    this.#onFailure = resolve;
  });

  async start(): Promise<void> {
    process.on("SIGUSR2", () => this.#onFailure(new SensorError("system", "read(): EIO")));
  }

  async stop(): Promise<void> {
    this.stopping = true;
    // What happened before is still handed out.
    this.emit(
      ...Array.from({ length: Number(env.FAKE_EVENTS ?? 0) }, (_, i) => execEvent(i + 1, ["/bin/true", `${i}`])),
    );
    for (const subscription of this.subscriptions) subscription.end();
  }
}

const status = await runProgram(process.argv.slice(2), {
  env,
  openSensor: async () => {
    const code = env.FAKE_FAILURE as SensorErrorCode | undefined;
    if (code !== undefined) throw new SensorError(code, `open(sensor): ${code} – remedy`);
    return new OwnedFakeSensor();
  },
});
process.exit(status);
