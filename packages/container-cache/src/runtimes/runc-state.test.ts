import { test } from "uvu";
import * as assert from "uvu/assert";
import { ociState } from "./runc-state.js";

const runc = {
  id: "web",
  init_process_pid: 11_628,
  init_process_start: 234_240,
  created: "2026-11-26T09:23:15.763184742Z",
  config: { labels: ["x=y", "bundle=/srv/bundle=1"] },
  cgroup_paths: { "": "/sys/fs/cgroup/unified/a", freezer: "/sys/fs/cgroup/freezer/a", odd: 5 },
};
const crun = {
  pid: 18_859,
  "process-start-time": 438_244,
  "cgroup-path": "/a",
  bundle: "/srv/bundle",
  created: "2026-11-26T09:57:15.818939Z",
};

test("what runc and crun keep is read", () => {
  const state = ociState(runc, "web");
  assert.equal([state?.pid, state?.startTick, state?.bundle], [11_628, 234_240, "/srv/bundle=1"]);
  assert.equal(state?.cgroups, { "": "/sys/fs/cgroup/unified/a", freezer: "/sys/fs/cgroup/freezer/a" });
  const other = ociState(crun, "web");
  assert.equal(
    [other?.pid, other?.startTick, other?.bundle, other?.cgroupPath],
    [18_859, 438_244, "/srv/bundle", "/a"],
  );
  assert.is(other?.createdTime, Date.parse("2026-11-26T09:57:15Z") + 818.939);
});

test("what is neither, or another container's, is not", () => {
  for (const json of [
    undefined,
    null,
    [],
    {},
    { ...runc, id: "other" },
    { ...runc, init_process_pid: -5 },
    { pid: "5" },
  ]) {
    assert.is(ociState(json, "web"), undefined);
  }
});

test.run();
