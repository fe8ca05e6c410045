import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { chromiumPath, installChromium } from "./testing/chromium.js";
import { freePort } from "./testing/free-port.js";
import { inTemporaryDirectory, until } from "./testing/index.js";
import { scenarioClients, type Told } from "./testing/scenario-clients.js";
import { startSensor } from "./testing/sensor-program.js";

const COUNT = 20;

for (const [name, client] of Object.entries(scenarioClients)) {
  const needsBrowser = name.includes("Chromium");
  const programs = ["/bin/true", ...(name.includes("curl") ? ["/usr/bin/curl"] : [])];
  // Where the CPU is emulated a browser takes minutes to start.
  if (needsBrowser && process.env.KERNSCOPE_VM) continue;
  if (needsBrowser) installChromium();
  if (needsBrowser) programs.push(chromiumPath);

  requires({ root: true, perf: true, programs })(
    `${name}: statuses first, then every exec with its arguments, and nothing is left when it goes`,
    inTemporaryDirectory(async (directory) => {
      const places = { path: join(directory, "s.sock"), port: await freePort(), pagePort: await freePort() };
      const origin = `http://127.0.0.1:${places.pagePort}`;
      const sensor = await startSensor(places.path, ["--listen", `127.0.0.1:${places.port}`, "--allow-origin", origin]);
      const abort = new AbortController();
      const told: Told = { commandLines: [] };
      const ended = client(places, told, abort.signal);
      try {
        await Promise.race([until(() => told.statuses !== undefined, "it is subscribed"), ended]);
        assert.equal(told.statuses, [0]);
        const marker = randomBytes(8).toString("hex");
        const expected = Array.from({ length: COUNT }, (_, i) => ["/bin/true", marker, `${i}`, 'é "x"\n\u{1f642}', ""]);
        for (const [file = "", ...args] of expected) await once(spawn(file, args, { stdio: "ignore" }), "exit");
        const own = () => told.commandLines.filter((line) => line.includes(marker));
        await until(() => own().length >= COUNT, "all have come");
        // A browser's requests may overtake each other.
        assert.equal(
          own()
            .map((line) => line.join("\0"))
            .sort(),
          expected.map((line) => line.join("\0")).sort(),
        );
        const metrics = async () => (await fetch(`http://127.0.0.1:${places.port}/metrics`)).text();
        assert.match(await metrics(), /^kernscope_streams 1$/m);
        assert.match(await metrics(), /^kernscope_cache\{cache="process",figure="living"\} [1-9]/m);
        abort.abort();
        await ended;
        await until(async () => /^kernscope_streams 0$/m.test(await metrics()), "its stream is gone");
      } finally {
        abort.abort();
        assert.is(await sensor.kill("SIGTERM"), 0, sensor.log());
      }
    }),
  );
}

test.run();
