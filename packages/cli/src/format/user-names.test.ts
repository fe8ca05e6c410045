import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserNames } from "./user-names.js";

test("names by uid, numbers for the others", () => {
  const users = new UserNames(
    "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\n# no\nbad\n:x:5:\na:x:y:\n\nev\u001bil:x:7:7::/:\n",
  );
  assert.is(users.nameOf(0), "root");
  assert.is(users.nameOf(7), "ev\\x1bil");
  assert.is(users.nameOf(5), "5");
  assert.is(users.nameOf(4294967295), "4294967295");
});

test("this host has a root", () => {
  assert.is(UserNames.ofThisHost().nameOf(0), "root");
});

test.run();
