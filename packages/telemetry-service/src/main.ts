#!/usr/bin/env node
import { runProgram } from "./program.js";

const status = await runProgram(process.argv.slice(2), {
  env: process.env,
  openSensor: async ({ ringSize, cgroups, follow }) => {
    // Loaded only here: help and mistakes need no addon.
    const { Sensor } = await import("@kernscope/sensor");
    const monitor = { ringSize, ...(cgroups.length > 0 && { cgroups }) };
    return Sensor.open({ monitor, processCache: { follow } });
  },
});
process.exit(status);
