import type { Task } from "@kernscope/process-cache";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ContainerMatcher } from "./container-matcher.js";
import type { Envelope } from "./envelope.js";
import { type ContainerLabels, EventContext } from "./event-context.js";
import { EventSource } from "./event-source.js";
import type { EventPayload } from "./payload.js";
import { SensorEvent } from "./sensor-event.js";
import type { Subscription } from "./subscription.js";

const container = (id: string): ContainerLabels => ({ id, name: "", imageId: "", imageName: "", settled: true });
/** Containers by their cgroup. */
const cgroups = new Map([
  [10, container("a")],
  [11, container("b")],
]);
const task = { pid: 1, cgroupId: 11 } as Task;
const payload: EventPayload = { case: "process", value: { type: 2, execFilename: "/bin/x" } };

/** A subscription that asks for certain containers, or for all. */
function subscriptionTo(...ids: string[]) {
  const matcher = ContainerMatcher.of({ ids });
  const events: unknown[] = [];
  const subscription = {
    isOfContainers: matcher !== undefined,
    mayWant: (container?: ContainerLabels) =>
      matcher === undefined || (container !== undefined && matcher.mayMatch(container)),
    push: (event: unknown) => events.push(event),
  } as unknown as Subscription;
  return { subscription, events };
}

function setUp() {
  let made = 0;
  const context = new EventContext({ sensorId: "s", unixOrigin: 0n });
  const envelope = { ofTask: () => new SensorEvent(context, ++made, 0, 0, payload) } as unknown as Envelope;
  const containerOfCgroup = (cgroup: number) => cgroups.get(cgroup);
  const source = new EventSource({
    envelope,
    isOwn: () => false,
    containerOf: (cgroup, { cgroupId }) => containerOfCgroup(cgroup === 0 ? cgroupId : cgroup),
    containerOfCgroup,
  });
  return { source, made: () => made };
}

test("samples of cgroups that nobody asks for need no event", () => {
  const { source } = setUp();
  const [first, second, all] = [subscriptionTo("a"), subscriptionTo("a", "b"), subscriptionTo()];
  const wanted = () => [10, 11, 12, 0].map((cgroup) => source.wants(cgroup));
  source.add(first.subscription, "", undefined);
  assert.equal(wanted(), [true, false, false, true]);
  source.add(second.subscription, "x", () => true);
  assert.equal(wanted(), [true, true, false, true]);
  source.add(all.subscription, "", undefined);
  assert.equal(wanted(), [true, true, true, true]);
  source.remove(all.subscription);
  source.remove(second.subscription);
  assert.equal(wanted(), [true, false, false, true]);
});

test("a condition is evaluated for those alone whose container it is, and once for all of them", () => {
  const { source, made } = setUp();
  let evaluated = 0;
  const predicate = () => {
    evaluated++;
    return true;
  };
  const [first, second, third] = [subscriptionTo("a"), subscriptionTo("b"), subscriptionTo("b")];
  for (const { subscription } of [first, second, third]) source.add(subscription, "x", predicate);
  const emit = (cgroup: number) => source.emit({ elapsed: 0, cpu: 0, cgroup }, task, payload);
  emit(12);
  assert.equal([evaluated, made()], [0, 0]);
  emit(11);
  assert.equal([evaluated, made()], [1, 1]);
  // Without a cgroup it is the task's.
  emit(0);
  assert.equal([first.events.length, second.events.length, third.events.length], [0, 2, 2]);
  assert.is(second.events[0], third.events[0]);
  source.add(subscriptionTo("b").subscription, "y", () => false);
  emit(11);
  assert.equal([evaluated, made()], [3, 3]);
});

test.run();
