import { test } from "uvu";
import * as assert from "uvu/assert";
import * as expression from "./gen/capsule8/api/v0/expression_pb.js";
import * as subscription from "./gen/capsule8/api/v0/subscription_pb.js";
import * as telemetryEvent from "./gen/capsule8/api/v0/telemetry_event_pb.js";
import * as telemetryService from "./gen/capsule8/api/v0/telemetry_service_pb.js";
import * as types from "./gen/capsule8/api/v0/types_pb.js";
import * as status from "./gen/google/rpc/status_pb.js";
import * as api from "./index.js";

test("every generated schema, enum and service is exported", () => {
  const generated = { ...expression, ...subscription, ...telemetryEvent, ...telemetryService, ...types, ...status };
  const names = Object.keys(generated).filter((name) => !name.startsWith("file_"));
  assert.ok(names.length > 70);
  const missing = names.filter((name) => !(name in api));
  assert.equal(missing, []);
});

test("exports are named", () => {
  assert.is("default" in api, false);
});

test.run();
