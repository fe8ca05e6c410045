import { spawnSync } from "node:child_process";
import { compileProgram, requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { TelemetryEvent } from "./event.js";
import { ProcessEventType, type ProcessPayload } from "./payload.js";
import { Sensor } from "./sensor.js";

const kernel = requires({ root: true, perf: true });

/** Emulated kernels run the same load, a tenth of it. */
const COUNT = process.env.KERNSCOPE_VM ? 100 : 1000;

/**
 * Starts short-lived programs as fast as it can, each with five arguments of random letters and an exit status of its
 * own, and prints what it started: `pid status argument…`.
 */
const storm = `
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv) {
  if (argc > 2) return atoi(argv[1]) & 255;
  int count = atoi(argv[1]);
  srandom(getpid());
  for (int i = 0; i < count; i++) {
    char status[16], words[5][40];
    snprintf(status, sizeof status, "%d", i);
    for (int w = 0; w < 5; w++) {
      int length = 1 + random() % 38;
      for (int c = 0; c < length; c++) words[w][c] = 'a' + random() % 26;
      words[w][length] = 0;
    }
    char *args[] = {argv[0], status, words[0], words[1], words[2], words[3], words[4], NULL};
    pid_t pid;
    if (i % 2) {
      if (posix_spawn(&pid, argv[0], NULL, NULL, args, environ)) return 1;
    } else if ((pid = fork()) == 0) {
      execve(argv[0], args, environ);
      _exit(99);
    }
    int wait_status;
    if (i % 4 == 3) while (waitpid(-1, &wait_status, 0) > 0) {}
    printf("%d %s %s %s %s %s %s\\n", pid, status, words[0], words[1], words[2], words[3], words[4]);
  }
  while (wait(NULL) > 0) {}
}`;

const payload = ({ event }: TelemetryEvent): ProcessPayload | undefined =>
  event.case === "process" ? event.value : undefined;

kernel(`${COUNT} programs, as fast as they start: every argument, every status, in order, nothing lost`, async () => {
  using compiled = compileProgram("storm", storm);
  const program = compiled.path;
  await using sensor = await Sensor.open();
  await sensor.start();
  const kinds = ["process.fork", "process.exec", "process.exit"] as const;
  // Others may start programs too, with arguments of any size.
  const queue = { events: 1 << 20, bytes: 1 << 30 };
  const stream = await sensor.newSubscription({ filters: kinds.map((kind) => ({ kind })), queue });
  const events: TelemetryEvent[] = [];
  const reading = (async () => {
    for await (const batch of stream) events.push(...batch);
  })();
  // This thread waits meanwhile, as a busy application might.
  const { stdout, status } = spawnSync(program, [`${COUNT}`], { encoding: "utf8" });
  assert.is(status, 0);
  await sensor.stop();
  await reading;

  const started = stdout.trim().split("\n");
  assert.is(started.length, COUNT);
  const forkOf = indexBy(events, ProcessEventType.FORK, (event) => payload(event)?.forkChildId);
  const execOf = indexBy(events, ProcessEventType.EXEC, ({ processId }) => processId);
  const exitOf = indexBy(events, ProcessEventType.EXIT, ({ processId }) => processId);
  const byPid = new Map(
    [...execOf]
      .filter(([, at]) => payload(events[at]!)?.execFilename === program)
      .map(([id, at]) => [events[at]!.processTgid, id]),
  );
  for (const line of started) {
    const [pid, ...args] = line.split(" ");
    const id = byPid.get(Number(pid));
    assert.ok(id, `no exec of ${line}`);
    const [fork, exec, exit] = [forkOf.get(id), execOf.get(id), exitOf.get(id)];
    assert.ok(fork !== undefined && exec !== undefined && exit !== undefined, `an event is missing of ${line}`);
    assert.ok(fork < exec && exec < exit, `order of ${line}`);
    const { execCommandLine, execCommandLineTruncated } = payload(events[exec]!)!;
    assert.equal(execCommandLine, [program, ...args]);
    assert.is(execCommandLineTruncated, false);
    const { exitCode, exitStatus, exitSignal } = payload(events[exit]!)!;
    const code = Number(args[0]) & 255;
    assert.equal([exitCode, exitStatus, exitSignal], [code << 8, code, 0]);
    assert.is(payload(events[fork]!)?.forkChildPid, Number(pid));
  }
  for (let i = 1; i < events.length; i++) {
    assert.is(events[i]!.sensorSequenceNumber, events[i - 1]!.sensorSequenceNumber + 1);
    assert.ok(events[i]!.sensorMonotimeNanos >= events[i - 1]!.sensorMonotimeNanos);
  }
  assert.is(events.filter(({ event }) => event.case === "lost").length, 0);
  assert.is(sensor.metrics().lost, 0);
});

/** Places of the events of a type, by a key. */
function indexBy(
  events: readonly TelemetryEvent[],
  type: number,
  key: (event: TelemetryEvent) => string | undefined,
): Map<string | undefined, number> {
  return new Map(events.flatMap((event, at) => (payload(event)?.type === type ? [[key(event), at] as const] : [])));
}

test.run();
