import { FakeKernel } from "@kernscope/perf/testing";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Sensor } from "./sensor.js";
import type { EventFilter } from "./subscription-request.js";

/** Numbers that look random and are the same in every run. */
function* numbers(): Generator<number, never> {
  for (let state = 1; ; state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff) yield state >>> 8;
}

/** Rounds, each with a sensor's whole way to the probe file: the grammar alone is tried by more in `@kernscope/perf`. */
const ROUNDS = 20_000;

test("text injection into probe files: whatever a client sends, no line but those that were asked for", async () => {
  const kernel = new FakeKernel();
  const sensor = await Sensor.open({
    monitor: { source: kernel.source, tracing: kernel.tracing, readClock: kernel.clock.read },
  });
  const lines = () => [...kernel.tracing.probes.probes.values()].map(({ line }) => line);
  const before = lines();
  const random = numbers();
  const next = (below: number) => random.next().value % below;
  // Mostly what the grammar is made of, so that some of it is nearly right.
  const pieces = [
    "+0(",
    "$arg1",
    ")",
    ":u8",
    ":ustring",
    " ",
    "\n",
    "p:evil/x do_exit",
    "-:",
    ";",
    "%di",
    "@",
    "\0",
    "é",
  ];
  const text = () =>
    Array.from({ length: next(6) }, () =>
      next(4) > 0 ? pieces[next(pieces.length)] : String.fromCharCode(next(256)),
    ).join("");
  let accepted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const symbol = next(3) > 0 ? "do_exit" : text();
    const args = { [next(3) > 0 ? "value" : text()]: next(3) > 0 ? text() : "$arg1:u64" };
    const filter: EventFilter = { kind: "kernel-call.enter", symbol, arguments: args };
    const stream = await sensor.newSubscription({ filters: [filter] }).catch((error) => {
      assert.is(error.code, "invalid", `${error.message}`);
    });
    if (!stream) continue;
    accepted++;
    const [line, ...others] = lines().filter((each) => !before.includes(each));
    assert.equal(others, []);
    const [[name, expression]] = Object.entries(args) as [[string, string]];
    assert.match(line!, /^p:kernscope\/\w+ \S+ \S+$/);
    assert.equal(line!.split(" ").slice(1), [symbol, `${name}=${expression}`]);
    stream.close();
    while (lines().length > before.length) await new Promise(setImmediate);
  }
  assert.ok(accepted > 0, "nothing was accepted: this shows nothing");
  assert.equal(lines(), before);
  await sensor.stop();
});

test.run();
