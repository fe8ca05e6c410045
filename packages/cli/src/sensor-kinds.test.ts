import { eventKinds as sensorEventKinds } from "@kernscope/sensor";
import { type EventKind, eventKinds } from "@kernscope/telemetry-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sensorKinds } from "./sensor-kinds.js";

test("every kind of the command line is one of the sensor's, and none is left out", () => {
  const kinds = (Object.keys(eventKinds) as EventKind[]).filter((kind) => kind !== "container").flatMap(sensorKinds);
  assert.equal([...kinds].sort(), [...sensorEventKinds].sort());
  assert.is(sensorKinds("container").length, 5);
  for (const kind of sensorKinds("container")) assert.ok(sensorEventKinds.includes(kind));
});

test.run();
