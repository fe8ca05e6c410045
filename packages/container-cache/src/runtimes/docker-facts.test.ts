import { test } from "uvu";
import * as assert from "uvu/assert";
import { ContainerState } from "../container-state.js";
import { dockerFacts, exitOf } from "./docker-facts.js";

const never = "0001-01-01T00:00:00Z";
const then = "2026-01-01T00:00:00.25Z";
const stateOf = (State: object) => dockerFacts({ State }).state;

test("the state follows from Docker's flags, of an inspection and of its file", () => {
  assert.is(stateOf({ Status: "created", Pid: 0, StartedAt: never }), ContainerState.Created);
  assert.is(stateOf({ Running: true, Pid: 5, StartedAt: then }), ContainerState.Running);
  assert.is(stateOf({ Running: true, Paused: true, Pid: 5, StartedAt: then }), ContainerState.Paused);
  // Between two tries Docker says that it runs.
  assert.is(stateOf({ Running: true, Restarting: true, Pid: 0, StartedAt: then }), ContainerState.Restarting);
  assert.is(stateOf({ Running: false, StartedAt: then, FinishedAt: then }), ContainerState.Exited);
  assert.is(stateOf({ RemovalInProgress: true, Running: false, StartedAt: then }), ContainerState.Removing);
  assert.is(stateOf({ Status: "removing", StartedAt: then }), ContainerState.Removing);
  assert.is(stateOf({ Dead: true, StartedAt: then }), ContainerState.Removing);
});

test("an exit code stands for a status or for a signal", () => {
  assert.equal(exitOf(0), { exitStatus: 0, exitSignal: 0 });
  assert.equal(exitOf(128), { exitStatus: 128, exitSignal: 0 });
  assert.equal(exitOf(137), { exitSignal: 9 });
  assert.equal(exitOf(255), { exitStatus: 255, exitSignal: 0 });
  for (const code of [undefined, 256, 100_000]) assert.equal(exitOf(code), {});
});

test("of an end its facts are taken, of a run its pid", () => {
  const ended = dockerFacts({ State: { ExitCode: 3, OOMKilled: true, StartedAt: then, FinishedAt: then, Pid: 0 } });
  assert.equal([ended.exitStatus, ended.oomKilled, ended.pid], [3, true, undefined]);
  assert.is(ended.finishedTime, Date.parse("2026-01-01T00:00:00Z") + 250);
  const running = dockerFacts({ Name: "/web", State: { Running: true, ExitCode: 0, Pid: 7, StartedAt: then } });
  assert.equal([running.exitStatus, running.pid, running.name], [undefined, 7, "web"]);
});

test("nonsense gives facts that say nothing", () => {
  for (const json of [undefined, null, [], 5, {}, { State: [], Config: "x", Name: 7 }]) {
    const facts = dockerFacts(json);
    assert.equal([facts.name, facts.imageName, facts.labels, facts.pid], ["", "", {}, undefined]);
  }
});

test.run();
