import { test } from "uvu";
import * as assert from "uvu/assert";
import { defaultAddress, formatAddress, parseAddress } from "./address.js";
import { TelemetryApiError } from "./errors.js";

test("UNIX sockets", () => {
  assert.equal(parseAddress(defaultAddress), { kind: "unix", path: "/run/kernscope/sensor.sock" });
  assert.equal(parseAddress("unix:a.sock"), { kind: "unix", path: "a.sock" });
  assert.equal(parseAddress("unix:///run/a"), { kind: "unix", path: "/run/a" });
  assert.equal(parseAddress(`unix:/${"x".repeat(106)}`), { kind: "unix", path: `/${"x".repeat(106)}` });
});

test("hosts and ports", () => {
  assert.equal(parseAddress("localhost:8484"), { kind: "tcp", host: "localhost", port: 8484 });
  assert.equal(parseAddress("127.0.0.1:1"), { kind: "tcp", host: "127.0.0.1", port: 1 });
  assert.equal(parseAddress("[::1]:65535"), { kind: "tcp", host: "::1", port: 65535 });
  assert.equal(parseAddress(":8484"), { kind: "tcp", host: "", port: 8484 });
});

test("an address that was read is written as it was", () => {
  for (const text of [defaultAddress, "unix:a", "host:1", "[::1]:2", ":3"]) {
    assert.is(formatAddress(parseAddress(text)), text);
  }
});

test("what is no address is refused, with what to give instead", () => {
  const tooLong = `unix:/${"x".repeat(107)}`;
  const tooManyBytes = `unix:/${"ä".repeat(54)}`;
  const bad = ["", "unix:", "unix:/", "unix:/a/", "unix:a\0b", tooLong, tooManyBytes, "/run/a", "host", "host:", "1"];
  for (const text of [...bad, "host:0", "host:65536", "host:-1", "::1:80", "http://host:80", "a b:1"]) {
    try {
      parseAddress(text);
    } catch (error) {
      assert.instance(error, TelemetryApiError);
      assert.is((error as TelemetryApiError).code, "invalid_value");
      assert.match((error as TelemetryApiError).message, /^parseAddress\(".*"\): .+ – .+/);
      continue;
    }
    assert.unreachable(text);
  }
});

test.run();
