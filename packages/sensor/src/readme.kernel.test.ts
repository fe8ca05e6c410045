import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";

const kernel = requires({ root: true, perf: true });

kernel("the README's program prints a hundred programs and ends", async () => {
  const readme = readFileSync(fileURLToPath(new URL("../../../README.md", import.meta.url)), "utf8");
  const code = /```js\n(import \{ Sensor \}[^`]*)```/.exec(readme)?.[1];
  assert.ok(code, "the README has no such program");
  const local = code.replace('"@kernscope/sensor"', JSON.stringify(new URL("index.js", import.meta.url).href));
  const child = spawn(process.execPath, ["--input-type=module", "-e", local], { stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  child.stdout.on("data", (chunk) => (printed += chunk));
  const ended = once(child, "close");
  const load = spawn("sh", ["-c", "while kill -0 $0; do /bin/echo from the load; done", `${child.pid}`], {
    stdio: "ignore",
  });
  const [status] = await ended;
  await once(load, "close");
  assert.is(status, 0);
  const lines = printed.trim().split("\n");
  // Arguments of whatever else ran may have line ends in them.
  assert.ok(lines.length >= 100, printed);
  assert.ok(lines.filter((line) => /^\d+ \/bin\/echo from the load$/.test(line)).length > 50);
});

test.run();
