import { test } from "uvu";
import * as assert from "uvu/assert";
import { ConfigError, type Flags, readConfig } from "./config.js";

const MIB = 1024 * 1024;

test("defaults", () => {
  assert.equal(readConfig({}, {}), {
    listen: ["unix:/run/kernscope/sensor.sock"],
    ringSize: 2 * MIB,
    logLevel: "info",
  });
});

test("flags before environment before the original's names", () => {
  const env = {
    KERNSCOPE_LISTEN: "unix:/a, unix:/b",
    KERNSCOPE_RING_SIZE: "64k",
    KERNSCOPE_LOG_LEVEL: "WARN",
    CAPSULE8_SENSOR_SERVER_ADDR: "unix:/c",
    CAPSULE8_SENSOR_RING_BUFFER_PAGES: "8",
  };
  assert.equal(readConfig({}, env), { listen: ["unix:/a", "unix:/b"], ringSize: 65536, logLevel: "warn" });
  const flags = { listen: ["unix:/d,e", "unix:/f"], ringSize: "1GiB", logLevel: "silent" };
  assert.equal(readConfig(flags, env), { listen: ["unix:/d,e", "unix:/f"], ringSize: 1024 * MIB, logLevel: "silent" });
  const original = { ...env, KERNSCOPE_LISTEN: "", KERNSCOPE_RING_SIZE: "", KERNSCOPE_LOG_LEVEL: "" };
  assert.equal(readConfig({}, original), { listen: ["unix:/c"], ringSize: 32768, logLevel: "info" });
});

test("sizes", () => {
  for (const text of ["2097152", "2048K", "2048KiB", "2M", "2mb", "2 MiB"]) {
    assert.is(readConfig({ ringSize: text }, {}).ringSize, 2 * MIB, text);
  }
  for (const text of ["", "x", "0", "4096", "3M", "2G", "-2M", "1e6", "2MM", "8191"])
    mistakes({ ringSize: text }, {}, 1);
  for (const text of ["1", "3", "1.5", "0x8", "524288"]) {
    mistakes({}, { CAPSULE8_SENSOR_RING_BUFFER_PAGES: text }, 1);
  }
});

test("all mistakes at once, each with where it is and what to do", () => {
  const found = mistakes(
    { listen: ["x", "127.0.0.1:80", "unix:/a", "unix:/a"] },
    { KERNSCOPE_RING_SIZE: "3", KERNSCOPE_LOG_LEVEL: "loud" },
    4,
    ["--foo: unknown – see --help"],
  );
  assert.match(found[1] ?? "", /^--listen: .*"x".*TCP is not served yet.*there twice/);
  assert.match(found[2] ?? "", /^KERNSCOPE_RING_SIZE: /);
  assert.match(found[3] ?? "", /^KERNSCOPE_LOG_LEVEL: .* silent, fatal/);
  for (const mistake of found) assert.match(mistake, / – /);
});

function mistakes(flags: Flags, env: NodeJS.ProcessEnv, count: number, before: string[] = []): readonly string[] {
  try {
    readConfig(flags, env, before);
  } catch (error) {
    assert.instance(error, ConfigError);
    const { mistakes: found } = error as ConfigError;
    assert.is(found.length, count, found.join("\n"));
    return found;
  }
  return assert.unreachable(`no mistake in ${JSON.stringify({ flags, env })}`) as never;
}

test.run();
