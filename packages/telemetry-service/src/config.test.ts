import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ConfigError, type Flags, meaningless, readConfig } from "./config.js";
import { checkConfig, printConfig } from "./config-check.js";
import { defaultLimits } from "./limits.js";
import { inTemporaryDirectory } from "./testing/index.js";

const MIB = 1024 * 1024;

const defaults = {
  listen: ["unix:/run/kernscope/sensor.sock"],
  socketMode: 0o660,
  socketGroup: undefined,
  tlsCert: undefined,
  tlsKey: undefined,
  tlsClientCa: undefined,
  tokenFile: undefined,
  allowOrigins: [],
  cgroups: [],
  follow: [],
  ringSize: 2 * MIB,
  logLevel: "info",
  limits: defaultLimits,
};

test("defaults", () => {
  assert.equal(readConfig({}, {}), defaults);
});

test("flags before environment before the original's names", () => {
  const env = {
    KERNSCOPE_LISTEN: "unix:/a, unix:/b",
    KERNSCOPE_RING_SIZE: "64k",
    KERNSCOPE_LOG_LEVEL: "WARN",
    CAPSULE8_SENSOR_SERVER_ADDR: "unix:/c",
    CAPSULE8_SENSOR_RING_BUFFER_PAGES: "8",
  };
  assert.equal(readConfig({}, env), { ...defaults, listen: ["unix:/a", "unix:/b"], ringSize: 65536, logLevel: "warn" });
  const flags = { listen: ["unix:/d,e", "unix:/f"], ringSize: "1GiB", logLevel: "silent" };
  assert.equal(readConfig(flags, env), {
    ...defaults,
    listen: ["unix:/d,e", "unix:/f"],
    ringSize: 1024 * MIB,
    logLevel: "silent",
  });
  const original = { ...env, KERNSCOPE_LISTEN: "", KERNSCOPE_RING_SIZE: "", KERNSCOPE_LOG_LEVEL: "" };
  assert.equal(readConfig({}, original), { ...defaults, listen: ["unix:/c"], ringSize: 32768, logLevel: "info" });
});

test("what to follow", () => {
  assert.equal(readConfig({ follow: ["creds", "cwd"] }, {}).follow, ["creds", "cwd"]);
  assert.equal(readConfig({}, { KERNSCOPE_FOLLOW: "cwd" }).follow, ["cwd"]);
  mistakes({ follow: ["uid"] }, {}, 1);
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
    { listen: ["x", "127.0.0.1:0", "unix:/a", "unix:/a"] },
    { KERNSCOPE_RING_SIZE: "3", KERNSCOPE_LOG_LEVEL: "loud" },
    4,
    ["--foo: unknown – see --help"],
  );
  assert.match(found[1] ?? "", /^--listen: .*"x".*no port 0.*there twice/);
  assert.match(found[2] ?? "", /^KERNSCOPE_RING_SIZE: /);
  assert.match(found[3] ?? "", /^KERNSCOPE_LOG_LEVEL: .* silent, fatal/);
  for (const mistake of found) assert.match(mistake, / – /);
});

test(
  "the file has what the environment does not say, and the original's variables what neither says",
  inTemporaryDirectory(async (directory) => {
    const config = join(directory, "c.json");
    const content = { listen: ["unix:/a,b", "[::1]:80"], ringSize: 65536, socketMode: "0600", limits: { filters: 7 } };
    writeFileSync(config, JSON.stringify(content));
    const env = { KERNSCOPE_CONFIG: config, KERNSCOPE_SOCKET_MODE: "640", CAPSULE8_SENSOR_SERVER_ADDR: "unix:/c" };
    for (const [flags, variables] of [
      [{ config }, { ...env, KERNSCOPE_CONFIG: "/none" }],
      [{}, env],
    ] as const) {
      assert.equal(readConfig(flags, variables), {
        ...defaults,
        listen: ["unix:/a,b", "[::1]:80"],
        ringSize: 65536,
        socketMode: 0o640,
        limits: { ...defaultLimits, filters: 7 },
      });
    }
  }),
);

test(
  "what --check prints is a file with the same meaning",
  inTemporaryDirectory(async (directory) => {
    const config = join(directory, "c.json");
    const flags = {
      listen: ["127.0.0.1:1"],
      socketMode: "0666",
      socketGroup: "root",
      allowOrigin: ["https://a.example:8443", "http://b"],
      cgroup: ["/a", "b"],
      limit: ["filters=3", "queueBytes=1000000"],
      logLevel: "debug",
    };
    const first = readConfig(flags, {});
    assert.is(first.socketGroup, 0);
    writeFileSync(config, printConfig(first));
    assert.equal(readConfig({ config }, {}), first);
  }),
);

test(
  "mistakes in the file, and a file that is none",
  inTemporaryDirectory(async (directory) => {
    const config = join(directory, "c.json");
    const written = (content: string, count: number) => {
      writeFileSync(config, content);
      for (const mistake of mistakes({ config }, {}, count)) assert.match(mistake, / – /);
    };
    written("", 1);
    written("[]", 1);
    written('{"listn":"a","ringSize":true,"logLevel":"loud"}', 3);
    written('{"__proto__":1,"limits":{"a":1}}', 2);
    mistakes({ config: join(directory, "none") }, {}, 1);
  }),
);

test("the original's certificates count where its switch says so", () => {
  const env = {
    CAPSULE8_SENSOR_TLSCA_CERT_PATH: "/ca",
    CAPSULE8_SENSOR_TLS_SERVER_CERT_PATH: "/cert",
    CAPSULE8_SENSOR_TLS_SERVER_KEY_PATH: "/key",
    CAPSULE8_SENSOR_CGROUP_NAME: "docker,/",
    CAPSULE8_SENSOR_CHANNEL_BUFFER_LENGTH: "7",
  };
  assert.equal(readConfig({}, env), { ...defaults, cgroups: ["docker"] });
  const tls = { tlsClientCa: "/ca", tlsCert: "/cert", tlsKey: "/key" };
  const used = { ...env, CAPSULE8_SENSOR_USE_TLS: "true" };
  assert.equal(readConfig({}, used), { ...defaults, ...tls, cgroups: ["docker"] });
  assert.equal(meaningless(used), ["CAPSULE8_SENSOR_CHANNEL_BUFFER_LENGTH"]);
  mistakes({}, { CAPSULE8_SENSOR_USE_TLS: "perhaps" }, 1);
});

test("values of each kind that are none", () => {
  for (const flags of [
    { socketMode: "rw" },
    { socketMode: "888" },
    { socketGroup: "no such group" },
    { allowOrigin: ["https://a.example/"] },
    { allowOrigin: ["*"] },
    { limit: ["filters"] },
    { limit: ["filters=0"] },
    { limit: ["toString=1"] },
    { tlsCert: "/a" },
    { tokenFile: "" },
  ]) {
    mistakes(flags, {}, 1);
  }
  mistakes({ tlsClientCa: "/a" }, {}, 1);
});

test(
  "what files hold and who could connect is checked too, all of it",
  inTemporaryDirectory(async (directory) => {
    const broken = join(directory, "broken");
    writeFileSync(broken, "x");
    const flags = { listen: ["0.0.0.0:80", "unix:/a", "[::]:80"], tlsCert: broken, tlsKey: broken, tokenFile: broken };
    const found = checkConfig(readConfig(flags, {}));
    assert.is(found.length, 2, found.join("\n"));
    for (const mistake of found) assert.match(mistake, /^--t.* – /);
    const open = checkConfig(readConfig({ listen: [":8484", "unix:/a", "example.com:80"] }, {}));
    assert.is(open.length, 2);
    for (const mistake of open) assert.match(mistake, /plain TCP beyond this host is not served – give --tls-cert/);
    assert.equal(checkConfig(readConfig({ listen: ["127.0.0.1:1", "[::1]:1", "localhost:1"] }, {})), []);
  }),
);

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
