import { fieldTypesOf, type EventFilter as SensorFilter, eventKinds as sensorEventKinds } from "@kernscope/sensor";
import { type EventKind, eventKinds, fieldTypes } from "@kernscope/telemetry-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sensorKinds } from "./sensor-kinds.js";

test("every kind of the command line is one of the sensor's, and none is left out", () => {
  const kinds = (Object.keys(eventKinds) as EventKind[]).filter((kind) => kind !== "container").flatMap(sensorKinds);
  assert.equal([...kinds].sort(), [...sensorEventKinds].sort());
  assert.is(sensorKinds("container").length, 5);
  for (const kind of sensorKinds("container")) assert.ok(sensorEventKinds.includes(kind));
});

test("a condition may name the same fields, of the same types, in the API and in the sensor", () => {
  const needed: Partial<Record<string, object>> = {
    performance: { counters: [{ type: "software", config: 0 }], frequency: 1 },
    ticker: { interval: 1e9 },
    chargen: { length: 72 },
    "kernel-call": { symbol: "f" },
    "user-call": { executable: "/bin/sh", symbol: "main" },
  };
  for (const kind of Object.keys(eventKinds) as EventKind[]) {
    for (const name of sensorKinds(kind)) {
      const filter = { kind: name, ...needed[kind.replace(/-exit$/, "")] } as SensorFilter;
      assert.equal(fieldTypesOf(filter), fieldTypes[kind], name);
    }
  }
});

test.run();
