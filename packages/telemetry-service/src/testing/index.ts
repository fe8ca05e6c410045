export { expressionFromProto } from "../expression-from-proto.js";
export { execEvent, exitEvent, forkEvent } from "./events.js";
export { FakeSensor, FakeSubscription } from "./fake-sensor.js";
export { inTemporaryDirectory, slowness, until } from "./temporary.js";
