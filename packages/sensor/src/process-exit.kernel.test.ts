import { parse } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fieldTypesOf } from "./capabilities.js";
import type { ProcessPayload } from "./payload.js";
import { EventBed } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });

/** Three ends: by a signal with a core dump, by one that has none for want of room, by exit(2). Prints wait statuses. */
const ends = `
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
  chdir(argv[1]);
  for (int i = 0; i < 3; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      struct rlimit room = {i == 0 ? RLIM_INFINITY : 0, RLIM_INFINITY};
      setrlimit(RLIMIT_CORE, &room);
      if (i == 2) _exit(7);
      abort();
    }
    int status;
    waitpid(pid, &status, 0);
    printf("%d %d\\n", pid, status);
  }
}`;

kernel("ends of processes: wait status, signal and core dump, as the parent gets them", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("ends", ends);
  const filter = { kind: "process.exit" as const };
  const all = await bed.gather({ filters: [filter] });
  const where = parse("exit_signal == 6 && code != 134", fieldTypesOf(filter));
  const some = await bed.gather({ filters: [{ ...filter, where }] });
  const { lines } = bed.run(program, bed.folder);
  await bed.sensor.stop();
  await Promise.all([all.done, some.done]);
  for (const line of lines) {
    const [pid, status] = line.split(" ").map(Number) as [number, number];
    const event = all.events.find(({ processTgid }) => processTgid === pid)!.event;
    const { exitCode, exitStatus, exitSignal, exitCoreDumped, exitCoreDumpedUnknown } = event.value as ProcessPayload;
    assert.is(exitCoreDumpedUnknown, false);
    assert.is(exitCode, status);
    assert.equal([exitStatus, exitSignal], [status >> 8, status & 0x7f]);
    assert.is(exitCoreDumped, (status & 0x80) !== 0);
    const passes = (status & 0x7f) === 6 && exitCode !== 134;
    assert.is(
      some.events.some(({ processTgid }) => processTgid === pid),
      passes,
    );
  }
});

test.run();
