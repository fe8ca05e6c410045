import { test } from "uvu";
import * as assert from "uvu/assert";
import { ExitEvidence } from "./exit-evidence.js";
import { exited, signaled, ThreadEnd, unknownStatus } from "./exit-status.js";

const { KILLED, UNKNOWN } = ThreadEnd;
const LEADER = true;

/** Resolves what a list of things seen gives. */
function resolve(see: (evidence: ExitEvidence) => void, leaderCounts = false) {
  const evidence = new ExitEvidence(leaderCounts);
  see(evidence);
  return evidence.resolve();
}

test("a single thread that exits", () => {
  assert.equal(
    resolve((seen) => seen.threadEnded(3, 10, LEADER)),
    exited(3),
  );
});

test("a handled signal long before does not make an exit a death by signal", () => {
  const status = resolve((seen) => {
    seen.generated(15, 5);
    seen.threadEnded(0, 10, LEADER);
  });
  assert.equal(status, exited(0));
});

test("SIGTERM shows as SIGKILL and is named by what was sent last", () => {
  const status = resolve((seen) => {
    seen.generated(10, 1);
    seen.generated(15, 5);
    seen.delivered(9);
    seen.threadEnded(KILLED, 6, LEADER);
    seen.generated(2, 7);
  });
  assert.equal(status, signaled(15));
});

test("a signal delivered as itself decides", () => {
  const status = resolve((seen) => {
    seen.generated(11, 5);
    seen.delivered(11);
    seen.delivered(9);
    seen.threadEnded(KILLED, 6, !LEADER);
    seen.threadEnded(KILLED, 7, LEADER);
  });
  assert.equal(status, signaled(11));
});

test("exit_group: one exits, the others are killed, in whatever order", () => {
  for (const order of [
    [4, KILLED, KILLED],
    [KILLED, 4, KILLED],
    [KILLED, KILLED, 4],
  ]) {
    const status = resolve((seen) => {
      seen.generated(15, 2);
      for (const [index, end] of order.entries()) {
        if (end === KILLED) seen.delivered(9);
        seen.threadEnded(end, 10 + index, index === 0);
      }
    });
    assert.equal(status, exited(4), order.join());
  }
});

test("a worker that ended by itself before a signal ends all does not hide the signal", () => {
  const status = resolve((seen) => {
    seen.threadEnded(0, 10, !LEADER);
    seen.generated(15, 100);
    seen.delivered(9);
    seen.threadEnded(KILLED, 101, LEADER);
    seen.threadEnded(KILLED, 102, !LEADER);
  });
  assert.equal(status, signaled(15));
});

test("a worker's early end and a kill that was not seen coming: not certain", () => {
  const status = resolve((seen) => {
    seen.threadEnded(0, 10, !LEADER);
    seen.threadEnded(KILLED, 5e9, LEADER);
  });
  assert.is(status.certain, false);
});

test("all threads exit by themselves: the last counts, before Linux 6.0 the leader", () => {
  const see = (seen: ExitEvidence) => {
    seen.threadEnded(1, 10, LEADER);
    seen.threadEnded(5, 20, !LEADER);
  };
  assert.equal(resolve(see), exited(5));
  assert.equal(resolve(see, true), exited(1, false));
});

test("without registers a signal that was taken tells that the thread was killed", () => {
  const status = resolve((seen) => {
    seen.generated(15, 5);
    seen.delivered(9);
    seen.threadEnded(UNKNOWN, 6, LEADER);
  });
  assert.equal(status, signaled(15));
});

test("killed and no signal seen to be sent: nothing is guessed", () => {
  const status = resolve((seen) => {
    seen.delivered(9);
    seen.threadEnded(KILLED, 10, LEADER);
  });
  assert.equal(status, unknownStatus);
  assert.equal(
    resolve((seen) => seen.threadEnded(KILLED, 10, LEADER)),
    unknownStatus,
  );
  assert.equal(
    resolve((seen) => seen.threadEnded(UNKNOWN, 10, LEADER)),
    unknownStatus,
  );
});

test.run();
