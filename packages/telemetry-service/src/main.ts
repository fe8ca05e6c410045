#!/usr/bin/env node
import { runProgram } from "./program.js";

const status = await runProgram(process.argv.slice(2), {
  env: process.env,
  openSensor: async ({ ringSize, cgroups }) => {
    // Loaded only here: help and mistakes need no addon.
    const { Sensor } = await import("@kernscope/sensor");
    return Sensor.open({ monitor: { ringSize, ...(cgroups.length > 0 && { cgroups }) } });
  },
});
process.exit(status);
