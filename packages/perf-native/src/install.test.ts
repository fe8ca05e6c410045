import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

const home = fileURLToPath(new URL("..", import.meta.url));

test("where the system is not Linux nothing is compiled on installation", () => {
  const { scripts, files } = JSON.parse(readFileSync(`${home}/package.json`, "utf8"));
  assert.is(scripts.install, "node install.mjs");
  assert.ok(files.includes("install.mjs"));
  const darwin = 'data:text/javascript,Object.defineProperty(process,"platform",{value:"darwin"})';
  // What would compile is not found.
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", darwin, "install.mjs"], {
    cwd: home,
    env: { PATH: "" },
    encoding: "utf8",
  });
  assert.equal({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
});

test.run();
