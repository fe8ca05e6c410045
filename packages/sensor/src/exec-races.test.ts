import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ProcessPayload } from "./payload.js";
import { EventBed } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });
/** Programs that are executed: thousands of processes take a while. */
const ROUNDS = process.env.KERNSCOPE_FULL === "1" ? 10_000 : 2_000;

/**
 * Executes itself again and again by a path, and with an argument, that another thread rewrites all the time. What was
 * executed prints which file it is and what its argument is, as it finds them, and overwrites the argument.
 */
const racer = `
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static char path[4096], argument[64], *at;
static void *rewrite(void *unused) {
  for (;;) {
    for (char c = 'a'; c <= 'b'; c++) {
      *(volatile char *)at = c;
      for (int i = 0; i < 60; i++) ((volatile char *)argument)[i] = c;
    }
  }
}
int main(int argc, char **argv) {
  if (argc == 5) {
    char file[4096] = {0};
    readlink("/proc/self/exe", file, sizeof file - 1);
    dprintf(1, "%d %c %s\\n", getpid(), file[strlen(file) - 1], argv[1]);
    memset(argv[1], '!', strlen(argv[1]));
    return 0;
  }
  snprintf(path, sizeof path, "%s/a", argv[1]);
  at = path + strlen(path) - 1;
  memset(argument, 'a', 60);
  pthread_t thread;
  pthread_create(&thread, NULL, rewrite, NULL);
  for (long i = 0; i < atol(argv[2]); i++) {
    int status = 1;
    if (vfork() == 0) {
      execl(path, "raced", argument, "x", "x", "x", NULL);
      _exit(1);
    }
    wait(&status);
    if (status) return 1;
  }
  return 0;
}`;

kernel(
  "arguments changed after the check: path and argument are rewritten in use; what is told is what was executed, every time",
  async () => {
    await using bed = await EventBed.open();
    const program = bed.compile("exec-racer", racer, "-pthread", "-static");
    for (const name of ["a", "b"]) copyFileSync(program, `${bed.folder}/${name}`);
    const { events, done } = await bed.gather({ filters: [{ kind: "process.exec" }] });
    const { lines } = await bed.runBeside(program, bed.folder, `${ROUNDS}`);
    await bed.sensor.stop();
    await done;
    const told = new Map<string, ProcessPayload>();
    for (const { processTgid, event } of events) {
      if (event.case !== "process" || event.value.execCommandLine?.[0] !== "raced") continue;
      told.set(`${processTgid}`, event.value);
    }
    const executed = lines.map((line) => line.split(" ") as [pid: string, file: string, argument: string]);
    assert.is(executed.length, ROUNDS);
    assert.is(
      new Set(executed.map(([, file]) => file)).size,
      2,
      "the path was never rewritten in time: this shows nothing",
    );
    assert.ok(
      executed.some(([, , argument]) => new Set(argument).size === 2),
      "neither was the argument",
    );
    const wrong = executed.filter(([pid, file, argument]) => {
      const { execFilename, execCommandLine, execCommandLineTruncated } = told.get(pid) ?? {};
      if (execFilename !== `${bed.folder}/${file}`) return true;
      // Nothing is guessed: what could not be read in time is missing, and said to be.
      return execCommandLineTruncated
        ? !`raced ${argument} x x x`.startsWith(execCommandLine!.join(" "))
        : execCommandLine?.[1] !== argument;
    });
    assert.equal(wrong, []);
  },
);

kernel("arguments changed after the check: those that the kernel's event did not hold are marked", async () => {
  await using bed = await EventBed.open();
  const { events, done } = await bed.gather({ filters: [{ kind: "process.exec" }] });
  const run = (name: string, env: Record<string, string>) =>
    once(spawn("/bin/sleep", ["0.2"], { argv0: name, env }), "close");
  // The environment's pointers lie between the arguments' and the arguments.
  const large = Object.fromEntries(Array.from({ length: 4000 }, (_, at) => [`LARGE_${at}`, ""]));
  for (let i = 0; i < 10; i++) await Promise.all([run("small", {}), run("large", large)]);
  await bed.sensor.stop();
  await done;
  const of = (name: string) =>
    events.flatMap(({ event }) =>
      event.case === "process" && event.value.execCommandLine?.[0] === name ? [event.value] : [],
    );
  assert.is(of("small").length, 10);
  assert.ok(of("small").some(({ execCommandLineFromMemory }) => !execCommandLineFromMemory));
  const whole = of("large").filter(({ execCommandLineTruncated }) => !execCommandLineTruncated);
  assert.ok(whole.length > 0);
  assert.ok(whole.every(({ execCommandLineFromMemory }) => execCommandLineFromMemory));
});

test.run();
