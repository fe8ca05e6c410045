// The programs in the packages' READMEs do what is said there.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";

const here = import.meta.dirname;
const onKernel = requires({ root: true, perf: true });

/** The programs of a package's README, in order. */
function programsOf(name) {
  const text = readFileSync(`${here}/../packages/${name}/README.md`, "utf8");
  return [...text.matchAll(/```js\n([^`]*(?:`[^`\n]+`[^`]*)*)```/g)].map(([, code]) => code);
}

/** Runs a program where the packages' names are known. */
function start(code) {
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    cwd: here,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const run = { output: "", errors: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => {
    run.output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    run.errors += text;
  });
  const over = new Promise((resolve) => child.on("close", resolve));
  return {
    run,
    /** Does `action` again and again until `condition` holds. */
    async until(condition, action = () => {}) {
      const deadline = Date.now() + 60_000;
      while (!condition(run.output)) {
        assert.ok(Date.now() < deadline && child.exitCode === null, `it did not come: ${run.output}${run.errors}`);
        await action();
        await setTimeout(50);
      }
    },
    async end({ interrupt = false } = {}) {
      if (interrupt) child.kill("SIGINT");
      assert.is(await over, 0, run.errors);
      return run.output;
    },
  };
}

const runsTrue = () =>
  new Promise((resolve) => spawn("/bin/true", ["of", "the README"], { stdio: "ignore" }).on("close", resolve));

test("expression", async () => {
  const [code] = programsOf("expression");
  assert.is(await start(code).end(), 'true\nflags & 3\nfilename ~ "/etc/*"\n');
});

onKernel("perf", async () => {
  const [code] = programsOf("perf");
  const program = start(code);
  await program.until((output) => output.includes("/true"), runsTrue);
  await program.end({ interrupt: true });
});

onKernel("process-cache", async () => {
  const [code] = programsOf("process-cache");
  const program = start(code);
  await program.until((output) => /^[\w-]+ node -> \/bin\/true of the README 0$/m.test(output), runsTrue);
  await program.end({ interrupt: true });
});

onKernel("container-cache", async () => {
  const [code] = programsOf("container-cache");
  const program = start(code);
  await program.until((output) => /^\d+ containers$/m.test(output));
  await program.end({ interrupt: true });
  assert.is(program.run.errors, "");
});

onKernel("sensor", async () => {
  const [simple, asking] = programsOf("sensor");
  const first = start(simple);
  await first.until((output) => output.split("\n").length > 5, runsTrue);
  assert.match(await first.end(), /^\d+ \/bin\/true of the README$/m);
  assert.match(await start(asking).end(), /^\[ \{ code: 0, message: '' \} \]$/m);
});

onKernel("telemetry-service, and a client by telemetry-api", async () => {
  const [serving] = programsOf("telemetry-service");
  const [asking] = programsOf("telemetry-api");
  const path = `/run/kernscope/readme-${process.pid}.sock`;
  const service = start(serving.replace("/run/kernscope/embedded.sock", path));
  await service.until((output) => output.includes("serving"));
  const client = start(asking.replace("/run/kernscope/sensor.sock", path));
  await client.until((output) => output.split("\n").length > 10, runsTrue);
  assert.match(await client.end(), /^\d+ \/bin\/true of the README$/m);
  await service.end({ interrupt: true });
});

test.run();
