#!/usr/bin/env node
import { CommanderError } from "commander";
import { CliError } from "./errors.js";
import { createProgram } from "./program.js";

const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => interruption.abort());

try {
  const { stdout: output, stderr: errors } = process;
  await createProgram({ output, errors, signal: interruption.signal }).parseAsync();
  process.exitCode = 0;
} catch (error) {
  process.exitCode = statusOf(error);
}

/** 1: it could not be done; 2: the command line is wrong. Says why, where commander has not. */
function statusOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof CliError)) throw error;
  process.stderr.write(`kernscope: ${error.message}\n`);
  return error.code === "usage" ? 2 : 1;
}
