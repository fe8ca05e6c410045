import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Config, meaningless, readConfig } from "./config.js";
import { checkConfig, printConfig } from "./config-check.js";
import type { Flags } from "./config-sources.js";
import { defaultLimits, limitRanges } from "./limits.js";
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
  assert.equal(read({}, {}), defaults);
});

test("flags before environment before the original's names", () => {
  const env = {
    KERNSCOPE_LISTEN: "unix:/a, unix:/b",
    KERNSCOPE_RING_SIZE: "64k",
    KERNSCOPE_LOG_LEVEL: "WARN",
    CAPSULE8_SENSOR_SERVER_ADDR: "unix:/c",
    CAPSULE8_SENSOR_RING_BUFFER_PAGES: "8",
  };
  assert.equal(read({}, env), { ...defaults, listen: ["unix:/a", "unix:/b"], ringSize: 65536, logLevel: "warn" });
  const flags = { listen: ["unix:/d,e", "unix:/f"], ringSize: "1GiB", logLevel: "silent" };
  assert.equal(read(flags, env), {
    ...defaults,
    listen: ["unix:/d,e", "unix:/f"],
    ringSize: 1024 * MIB,
    logLevel: "silent",
  });
  const original = { ...env, KERNSCOPE_LISTEN: "", KERNSCOPE_RING_SIZE: "", KERNSCOPE_LOG_LEVEL: "" };
  assert.equal(read({}, original), { ...defaults, listen: ["unix:/c"], ringSize: 32768, logLevel: "info" });
});

test("what to follow", () => {
  assert.equal(read({ follow: ["creds", "cwd"] }, {}).follow, ["creds", "cwd"]);
  assert.equal(read({}, { KERNSCOPE_FOLLOW: "cwd" }).follow, ["cwd"]);
  mistakes({ follow: ["uid"] }, {}, 1);
});

test("sizes", () => {
  for (const text of ["2097152", "2048K", "2048KiB", "2M", "2mb", "2 MiB"]) {
    assert.is(read({ ringSize: text }, {}).ringSize, 2 * MIB, text);
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
    3,
  );
  assert.match(found[0] ?? "", /^--listen: .*"x".*no port 0.*there twice/);
  assert.match(found[1] ?? "", /^KERNSCOPE_RING_SIZE: /);
  assert.match(found[2] ?? "", /^KERNSCOPE_LOG_LEVEL: .* silent, fatal/);
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
      assert.equal(read(flags, variables), {
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
    const first = read(flags, {});
    assert.is(first.socketGroup, 0);
    writeFileSync(config, printConfig(first));
    assert.equal(read({ config }, {}), first);
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
  assert.equal(read({}, env), { ...defaults, cgroups: ["docker"] });
  const tls = { tlsClientCa: "/ca", tlsCert: "/cert", tlsKey: "/key" };
  const used = { ...env, CAPSULE8_SENSOR_USE_TLS: "true" };
  assert.equal(read({}, used), { ...defaults, ...tls, cgroups: ["docker"] });
  assert.equal(meaningless(used), ["CAPSULE8_SENSOR_CHANNEL_BUFFER_LENGTH"]);
  mistakes({}, { CAPSULE8_SENSOR_USE_TLS: "perhaps" }, 1);
});

test("each limit has its range, and all that is wrong with them is told", () => {
  for (const [name, [least, greatest]] of Object.entries(limitRanges)) {
    for (const value of [least, greatest]) {
      assert.is(read({ limit: [`${name}=${value}`] }, {}).limits[name as keyof typeof limitRanges], value);
    }
    const [found = ""] = mistakes({ limit: [`${name}=${greatest + 1}`, `${name}=${least - 1}`] }, {}, 1);
    assert.match(
      found,
      new RegExp(`${name}=${greatest + 1} is out of range – .* to ${greatest}; ${name}=${least - 1} `),
    );
  }
  // No timer waits longer: it would fire at once.
  for (const name of ["batchTime", "progressTime", "requestTime", "stopTime"] as const) {
    assert.ok(limitRanges[name][1] + limitRanges.stopTime[1] < 2 ** 31);
  }
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
    assert.is(found.length, 3, found.join("\n"));
    for (const mistake of found) assert.match(mistake, /^--t.* – /);
    const open = checkConfig(readConfig({ listen: [":8484", "unix:/a", "example.com:80"] }, {}));
    assert.is(open.length, 2);
    for (const mistake of open) assert.match(mistake, /plain TCP beyond this host is not served – give --tls-cert/);
    assert.equal(checkConfig(readConfig({ listen: ["127.0.0.1:1", "[::1]:1", "localhost:1"] }, {})), []);
    const [cgroup, ...rest] = checkConfig(readConfig({ cgroup: ["nonsense", directory] }, {}));
    assert.match(cgroup ?? "", /^--cgroup nonsense: ENOENT.* – give a directory of a cgroup/);
    assert.match(rest.join(), /^--cgroup .*: it is no cgroup – /);
  }),
);

test(
  "what was not read has no consequences, and what was read is checked in spite of it",
  inTemporaryDirectory(async (directory) => {
    const config = join(directory, "c.json");
    writeFileSync(config, '{"tokenFile": true}');
    const listen = ["10.0.0.1:8484"];
    const check = (flags: Flags, env: NodeJS.ProcessEnv = {}) => checkConfig(readConfig(flags, env));
    assert.match(check({ listen, ringSize: "3MB" }).join(), /^listen\(10\.0\.0\.1:8484\): plain TCP/);
    assert.equal(check({ listen, tlsCert: "", tlsKey: "", tokenFile: "" }), []);
    assert.match(check({ listen, config }).join(), /plain TCP/);
    assert.equal(check({ listen, tlsCert: "", tlsKey: "", config }), [], "the file may name tokens");
    assert.equal(check({ listen, config: join(directory, "none") }), [], "the file may have anything");
    assert.equal(check({ listen }, { CAPSULE8_SENSOR_USE_TLS: "perhaps", KERNSCOPE_TOKEN_FILE: "\0" }), []);
  }),
);

function read(flags: Flags, env: NodeJS.ProcessEnv): Config {
  const { config, mistakes: found } = readConfig(flags, env);
  assert.equal(found, []);
  return config;
}

function mistakes(flags: Flags, env: NodeJS.ProcessEnv, count: number): readonly string[] {
  const { mistakes: found } = readConfig(flags, env);
  assert.is(found.length, count, found.join("\n"));
  return found;
}

test.run();
