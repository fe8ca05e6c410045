import { test } from "uvu";
import * as assert from "uvu/assert";
import { RingRequests } from "./ring-requests.js";

const ctx = 0xffff_8880_0000_1000n;
const request = (req: number, userData = 7) => ({ req: 0xffff_8880_0000_0000n + BigInt(req), ctx, userData });

test("a request ends once, by its address", () => {
  const requests = new RingRequests<string>();
  requests.begin(request(1), "a");
  requests.begin(request(2), "b");
  assert.is(requests.end(request(1)), "a");
  assert.is(requests.end(request(1)), undefined);
  assert.is(requests.end(request(2)), "b");
  assert.is(requests.size, 0);
});

test("an address that is used again by a request that is none of them is not taken for the one before", () => {
  const requests = new RingRequests<string>();
  requests.begin(request(1), "a");
  assert.is(requests.end(request(1, 8)), undefined);
  assert.is(requests.end(request(1)), undefined);
  requests.begin(request(1), "a");
  requests.begin(request(1, 8), "b");
  assert.is(requests.endNamed({ ctx, userData: 7 }, false), undefined);
  assert.is(requests.end(request(1, 8)), "b");
});

test("many results of one request are found by ring and number until it ends", () => {
  const requests = new RingRequests<string>();
  requests.begin(request(1), "a");
  assert.is(requests.endNamed({ ctx, userData: 7 }, true), "a");
  assert.is(requests.endNamed({ ctx: ctx + 8n, userData: 7 }, true), undefined);
  assert.is(requests.end(request(1)), "a");
  assert.is(requests.endNamed({ ctx, userData: 7 }, true), undefined);
  requests.begin(request(1), "a");
  assert.is(requests.endNamed({ ctx, userData: 7 }, false), "a");
  assert.is(requests.end(request(1)), undefined);
});

test("no more are kept than there is room for", () => {
  const requests = new RingRequests<number>(3);
  for (let i = 0; i < 5; i++) requests.begin(request(i, i), i);
  assert.is(requests.size, 3);
  assert.equal(
    [0, 1, 2, 3, 4].map((i) => requests.end(request(i, i))),
    [undefined, undefined, 2, 3, 4],
  );
});

test.run();
