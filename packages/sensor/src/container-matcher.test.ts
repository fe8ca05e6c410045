import { test } from "uvu";
import * as assert from "uvu/assert";
import { ContainerMatcher } from "./container-matcher.js";
import { noContainer } from "./event-context.js";
import type { ContainerFilter } from "./subscription-request.js";

const ID = "0123456789abcdef".repeat(4);

const labels = (more: object = {}) => ({ id: ID, name: "", imageId: "", imageName: "", settled: false, ...more });
const matcher = (filter: ContainerFilter) => ContainerMatcher.of(filter)!;

test("whole ids match as they are, twelve digits or more as the beginning of one", () => {
  const matches = (id: string, of = labels()) => matcher({ ids: [id] }).matches(of);
  assert.ok(matches(ID));
  assert.ok(matches(ID.slice(0, 12)));
  assert.ok(matches(ID.slice(0, 63)));
  assert.not(matches(ID.slice(0, 11)));
  assert.not(matches(ID.slice(1, 13)));
  assert.not(matches(`${ID.slice(0, 11)}f`));
  assert.not(matches(ID.slice(0, 12).toUpperCase()));
  assert.not(matches(`${ID}0`));
  // A whole id is no beginning.
  assert.not(matches(ID, labels({ id: `${ID}0` })));
  // Whatever a runtime calls a container, it is found by that.
  assert.ok(matches("web", labels({ id: "web" })));
  assert.not(matches("web-container", labels({ id: "web-container-1" })));
  const many = matcher({ ids: ["f".repeat(12), ID.slice(0, 20), "e".repeat(64)] });
  assert.ok(many.matches(labels()));
  assert.not(many.needsLabels);
});

test("what a runtime tells later counts from then on", () => {
  const container = labels();
  const filter = matcher({ names: ["web"], imageNames: ["nginx:*"] });
  assert.equal([filter.matches(container), filter.mayMatch(container)], [false, true]);
  Object.assign(container, { imageName: "redis:7" });
  assert.equal([filter.matches(container), filter.isUndecided(container)], [false, true]);
  Object.assign(container, { name: "web" });
  assert.ok(filter.matches(container));
  Object.assign(container, { name: "shop" });
  assert.equal([filter.matches(container), filter.isUndecided(container)], [false, false]);
  Object.assign(container, { settled: true, name: "" });
  assert.equal([filter.mayMatch(container), filter.isUndecided(container)], [false, false]);
  assert.not(filter.matches(noContainer));
});

test("globs are tried once for what is known of a container, not for each event", () => {
  let looks = 0;
  // Counts the comparisons by what they read.
  const imageName = new Proxy(new String("docker.io/library/nginx:1.27"), {
    get: (target, name) => {
      if (name === "length") looks++;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  }) as unknown as string;
  const container = labels({ imageName });
  const filter = matcher({ imageNames: Array.from({ length: 1000 }, (_, at) => `docker.io/*/nginx:${at}`) });
  assert.not(filter.matches(container));
  const once = looks;
  assert.ok(once >= 1000, `${once}`);
  for (let event = 0; event < 1000; event++) assert.not(filter.matches(container));
  assert.is(looks, once);
});

test("what a filter costs is bounded", () => {
  const refused = (filter: ContainerFilter) =>
    assert.throws(
      () => ContainerMatcher.of(filter),
      (error: { code?: string }) => error.code === "invalid",
    );
  assert.is(ContainerMatcher.of({ ids: [], names: [] }), undefined);
  refused({ ids: Array(1025).fill(ID) });
  refused({ names: [""] });
  refused({ names: ["x".repeat(1025)] });
  refused({ imageNames: Array(65).fill("x".repeat(1024)) });
  assert.ok(ContainerMatcher.of({ imageNames: Array(64).fill("x".repeat(1024)) }));
});

test.run();
