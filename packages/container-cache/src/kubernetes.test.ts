import { test } from "uvu";
import * as assert from "uvu/assert";
import { podOf } from "./kubernetes.js";

test("the pod is told by labels before annotations, and there is none without its name or uid", () => {
  const labels = { "io.kubernetes.pod.name": "web-0", "io.kubernetes.container.name": "front" };
  const annotations = { "io.kubernetes.cri.sandbox-name": "other", "io.kubernetes.cri.sandbox-uid": "u" };
  assert.equal(podOf(labels, annotations), { name: "web-0", namespace: "", uid: "u", containerName: "front" });
  assert.is(podOf({ ...labels, "io.kubernetes.container.name": "POD" })?.containerName, "");
  assert.is(podOf({ tier: "x" }, {}), undefined);
});

test.run();
