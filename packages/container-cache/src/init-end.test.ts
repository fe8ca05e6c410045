import { type SampleRecord, UserRegister } from "@kernscope/perf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ProcessEnds } from "./init-end.js";

/** A thread's exit: the code that it gave to exit(2), or −1 where it did not call that, or nothing known. */
function left(code: number | undefined, elapsed = 5e9): SampleRecord {
  const { x64, arm64 } = UserRegister;
  const arm = process.arch === "arm64";
  const registers: Record<number, bigint> = arm
    ? { [arm64.X0]: BigInt(code ?? 0), [arm64.X7]: 0n, [arm64.X8]: code === -1 ? 63n : 94n }
    : { [x64.AX]: code === -1 ? 0n : -38n, [x64.DI]: BigInt(code ?? 0), [x64.BX]: 0n };
  const userRegister = (register: number) => (code === undefined ? undefined : registers[register]);
  return { pid: 7, elapsed, userRegistersAbi: 2, userRegister } as unknown as SampleRecord;
}

test("a call of exit tells its status", () => {
  assert.equal(new ProcessEnds().processLeft(left(3)), { status: 3, signal: 0, oomKilled: false });
});

test("what did not call exit was killed, by the signal that was sent last", () => {
  const ends = new ProcessEnds();
  assert.equal(ends.processLeft(left(-1)), { status: undefined, signal: 9, oomKilled: false });
  ends.signalSent(7, 15, 4.9e9);
  ends.signalSent(8, 11, 4.9e9);
  assert.equal(ends.processLeft(left(-1)), { status: undefined, signal: 15, oomKilled: false });
  // A signal is the reason of one end only, and not of one that comes much later.
  assert.is(ends.processLeft(left(-1)).signal, 9);
  ends.signalSent(7, 15, 1e9);
  assert.is(ends.processLeft(left(-1)).signal, 9);
});

test("exit_group ends the other threads as if they were killed", () => {
  const ends = new ProcessEnds();
  ends.threadLeft(left(5));
  ends.threadLeft(left(-1));
  assert.equal(ends.processLeft(left(-1)), { status: 5, signal: 0, oomKilled: false });
});

test("without registers the call, the signal or nothing is known", () => {
  const ends = new ProcessEnds();
  assert.equal(ends.processLeft(left(undefined)), { status: undefined, signal: undefined, oomKilled: false });
  ends.exitCalled(7, 0x103, 4.9e9);
  assert.equal(ends.processLeft(left(undefined)), { status: 3, signal: 0, oomKilled: false });
  ends.signalSent(7, 6, 4.9e9);
  assert.equal(ends.processLeft(left(undefined)), { status: undefined, signal: 6, oomKilled: false });
});

test("the victim of a want of memory is told", () => {
  const ends = new ProcessEnds();
  ends.chosenVictim(7, 4.9e9);
  assert.equal(ends.processLeft(left(-1)), { status: undefined, signal: 9, oomKilled: true });
});

test.run();
