import { setTimeout } from "node:timers/promises";
import type { Task } from "@kernscope/process-cache";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ContainerMatcher } from "./container-matcher.js";
import type { TelemetryEvent } from "./event.js";
import { type ContainerLabels, EventContext } from "./event-context.js";
import type { QueueLimits } from "./event-queue.js";
import { LostRecordCause } from "./payload.js";
import { SensorEvent } from "./sensor-event.js";
import { Subscription } from "./subscription.js";
import type { ContainerFilter } from "./subscription-request.js";

const origin = { sensorId: "s", unixOrigin: 0n };
const task = { pid: 7, processId: "p", commandLine: ["/bin/x"], commandLineTruncated: false, cgroupPath: "/c" };
const lineage = [{ pid: 7, command: "x", processId: "p", executable: "/bin/x" }];

/** A container that just began: nobody has told what it is. */
const begun = (id: string) => ({ id, name: "", imageId: "", imageName: "", settled: false });
const NGINX = { name: "web", imageId: "sha256:fe", imageName: "nginx:1" };

/** A subscription with a container filter, and events that it is offered. */
function setUp(containers: ContainerFilter, queue: Partial<QueueLimits> = {}) {
  let sequence = 0;
  const request = {
    sources: [],
    containers: ContainerMatcher.of(containers),
    limit: Number.POSITIVE_INFINITY,
    duration: undefined,
    throttle: 0,
    queue: { events: 1000, bytes: 1e6, ...queue },
    statuses: [],
  };
  const subscription = new Subscription(
    request,
    {
      nextSequenceNumber: () => ++sequence,
      toEvent: ({ sequenceNumber, cause = 5, ...gap }) => {
        const value = { ...gap, type: 1, cause };
        return new SensorEvent(new EventContext(origin), sequenceNumber, 0, undefined, { case: "lost", value });
      },
    },
    () => {},
  );
  const contextOf = (container: ContainerLabels) =>
    new EventContext(origin, container, { ...task, leader: task } as unknown as Task, lineage);
  const offer = (container: ContainerLabels, context = contextOf(container)) => {
    const event = new SensorEvent(context, ++sequence, sequence, 0, { case: "process", value: { type: 2 } });
    if (subscription.mayWant(container)) subscription.push(event, container);
    return event;
  };
  const rest = async () => {
    subscription.end();
    const events: TelemetryEvent[] = [];
    for await (const batch of subscription) events.push(...batch);
    return events;
  };
  return { subscription, offer, contextOf, rest };
}

/** Numbers of events; of gaps the count and the cause. */
const told = (events: readonly TelemetryEvent[]) =>
  events.map(({ sensorSequenceNumber, event }) =>
    event.case === "lost" ? [event.value.lost, event.value.cause] : sensorSequenceNumber,
  );

const isConsistent = ({ counters: { matched, delivered, throttled, dropped } }: Subscription) =>
  assert.is(matched, delivered + throttled + dropped);

test("an event that waited tells of its container what is known by then, and is otherwise the same", async () => {
  const { subscription, offer, contextOf, rest } = setUp({ imageNames: ["nginx:*"] });
  const container = begun("a");
  const context = contextOf(container);
  const first = offer(container, context);
  const second = offer(container, context);
  Object.assign(container, NGINX, { pod: { name: "n", namespace: "s", uid: "u", containerName: "c" } });
  const third = offer(container);
  subscription.flush();
  const [one, two, three] = await rest();
  const labels = { containerName: "web", imageId: "sha256:fe", imageName: "nginx:1" };
  const pod = { name: "n", namespace: "s", uid: "u", container: "c" };
  assert.equal(one!.toObject(), { ...first.toObject(), ...labels, pod });
  // Those of one context have one again: it is encoded once.
  assert.is(one!.context, two!.context);
  assert.is(two!.id, second.id);
  assert.is(three, third);
  // What others got is as it was.
  assert.is(first.imageName, "");
});

test("all who waited for one event's container share its context", async () => {
  const streams = [setUp({ imageNames: ["nginx:*"] }), setUp({ names: ["web"] })];
  const container = begun("a");
  const event = streams[0]!.offer(container);
  streams[1]!.subscription.push(event, container);
  Object.assign(container, NGINX);
  const [first, second] = await Promise.all(streams.map(({ rest }) => rest()));
  assert.is(first![0]!.imageName, "nginx:1");
  assert.is(second![0]!.context, first![0]!.context);
});

test("more than may be held: the oldest are given up where nobody knows whose they are, and told in their place", async () => {
  const { subscription, offer, rest } = setUp({ imageNames: ["nginx:*"] }, { events: 4 });
  const [unknown, known] = [begun("a"), { ...begun("b"), ...NGINX }];
  const events = [unknown, known, unknown, known, known, known, known].map((container) => offer(container));
  // What is given up last is told again, for the queue has room for four, too.
  const [, second, , ...others] = events.map(({ sensorSequenceNumber }) => sensorSequenceNumber);
  const { SENSOR_BUFFER, SLOW_CLIENT } = LostRecordCause;
  assert.equal(told(await rest()), [
    [1, SENSOR_BUFFER],
    second,
    [1, SENSOR_BUFFER],
    ...others.slice(0, 3),
    [1, SLOW_CLIENT],
  ]);
  assert.is(subscription.counters.dropped, 3);
  isConsistent(subscription);
});

test("bytes bound what is held, too, and a container that is known to be another's is no loss", async () => {
  const { subscription, offer, rest } = setUp({ imageNames: ["nginx:*"] }, { bytes: 10_000 });
  const [unknown, other] = [begun("a"), begun("b")];
  offer(other);
  Object.assign(other, { imageName: "redis:7" });
  for (let i = 0; i < 100; i++) offer(unknown);
  const { dropped } = subscription.counters;
  assert.ok(dropped > 50 && dropped < 100, `${dropped}`);
  assert.equal(told(await rest()), [[100, LostRecordCause.SENSOR_BUFFER]]);
  assert.is(subscription.counters.matched, 100);
  isConsistent(subscription);
});

test("who is not told of in time is given up, and what waited behind it comes", async () => {
  const { subscription, offer, rest } = setUp({ names: ["web"] });
  const [unknown, known] = [begun("a"), { ...begun("b"), ...NGINX }];
  offer(unknown);
  const { sensorSequenceNumber } = offer(known);
  for (let i = 0; i < 300 && subscription.queued < 2; i++) await setTimeout(100);
  assert.equal(told(await rest()), [[1, LostRecordCause.SENSOR_BUFFER], sensorSequenceNumber]);
});

test("a container that is settled or known is not waited for, and who closes hears nothing more", async () => {
  const { subscription, offer, rest } = setUp({ names: ["web"] });
  offer({ ...begun("a"), settled: true });
  offer({ ...begun("b"), ...NGINX });
  assert.is(subscription.queued, 1);
  offer(begun("c"));
  subscription.close();
  assert.equal(await rest(), []);
});

test.run();
