import { spawnSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";

test("where the system is not Linux: importing works, opening says unsupported, nothing is there", () => {
  const program = `
    Object.defineProperty(process, "platform", { value: "darwin" });
    const { EventMonitor, features } = await import(${JSON.stringify(new URL("index.js", import.meta.url).href)});
    const { code, feature, kernel, message } = await EventMonitor.open().catch((error) => error);
    const all = Object.values(await features()).filter((each) => typeof each === "object");
    const supported = all.filter((each) => each.supported && each.attr !== undefined).length;
    const { reason } = (await features()).perfEvents;
    console.log(JSON.stringify({ code, feature, kernel, message, supported, reason }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  assert.is(stderr, "");
  const { message, reason, ...rest } = JSON.parse(stdout);
  assert.equal(rest, { code: "unsupported", feature: "perfEvents", kernel: "2.6.32", supported: 0 });
  assert.match(message, /^open\(monitor\): .*this is darwin – perf events are Linux's$/);
  assert.is(reason, "load(perf-native): this is darwin – perf events are Linux's");
});

test.run();
