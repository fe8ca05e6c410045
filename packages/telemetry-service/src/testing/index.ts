export { execEvent, exitEvent, forkEvent } from "./events.js";
export { FakeSensor, FakeSubscription } from "./fake-sensor.js";
export { inTemporaryDirectory, until } from "./temporary.js";
