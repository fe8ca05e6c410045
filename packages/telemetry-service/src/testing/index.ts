export { expressionFromProto } from "../expression-from-proto.js";
export { type Certificates, makeCertificates } from "./certificates.js";
export { execEvent, exitEvent, forkEvent } from "./events.js";
export { FakeSensor, FakeSubscription } from "./fake-sensor.js";
export { freePort } from "./free-port.js";
export { inTemporaryDirectory, slowness, until } from "./temporary.js";
