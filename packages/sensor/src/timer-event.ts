import type { EventMonitor } from "@kernscope/perf";

/** setTimeout(3)'s longest delay. */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * Calls `onTick` at even intervals, in the monitor's stream: in order with what the kernel tells. Ticks that were due
 * while this thread was busy are left out. Returns its end.
 *
 * @param interval nanoseconds
 */
export function startTimer(
  monitor: EventMonitor,
  name: string,
  interval: number,
  onTick: (elapsed: number) => void,
): () => Promise<void> {
  const id = monitor.registerExternalEvent<undefined>(name, ({ elapsed }) => onTick(elapsed));
  let due = monitor.clock.now();
  let timer: NodeJS.Timeout;
  const wait = () => {
    const now = monitor.clock.now();
    due = Math.max(due + interval, now + interval - ((now - due) % interval));
    timer = setTimeout(fire, Math.min((due - now) / 1e6, MAX_DELAY));
    timer.unref();
  };
  const fire = () => {
    const now = monitor.clock.now();
    // Timers are as exact as a millisecond.
    if (now >= due - 1e6) {
      monitor.enqueueExternalSample(id, { pid: 0, tid: 0, cpu: 0, cgroup: 0, elapsed: now }, undefined);
      wait();
    } else {
      timer = setTimeout(fire, Math.min((due - now) / 1e6, MAX_DELAY));
      timer.unref();
    }
  };
  wait();
  return () => {
    clearTimeout(timer);
    return monitor.unregister(id);
  };
}
