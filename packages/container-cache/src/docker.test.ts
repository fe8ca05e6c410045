import { test } from "uvu";
import * as assert from "uvu/assert";
import { FakeDocker } from "./testing/fake-docker.js";
import { FakeHost } from "./testing/fake-host.js";

const A = "aa".repeat(32);
const B = "bb".repeat(32);
const created = { Running: false, StartedAt: "0001-01-01T00:00:00Z", FinishedAt: "0001-01-01T00:00:00Z" };

/** A server and a host that knows its socket. */
async function open(populate: (docker: FakeDocker) => void = () => {}) {
  const docker = new FakeDocker();
  populate(docker);
  await docker.start();
  const host = await FakeHost.open({ dockerSockets: [docker.socket] });
  await host.cache.ready;
  return {
    docker,
    host,
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      await docker[Symbol.asyncDispose]();
    },
  };
}

function running(pid: number, StartedAt: string) {
  return { Running: true, Pid: pid, StartedAt, FinishedAt: "0001-01-01T00:00:00Z" };
}

test("what was there before is known, and nothing is told of it", async () => {
  const old = { Created: "2020-01-01T00:00:00Z" };
  await using bed = await open((docker) => {
    docker.put(
      A,
      { Running: false, ExitCode: 7, StartedAt: "2020-01-01T00:00:00Z", FinishedAt: "2020-01-01T00:00:01Z" },
      old,
    );
    docker.put(B, running(process.pid, "2020-01-01T00:00:00Z"), old);
  });
  const { host } = bed;
  const [a, b] = [A, B].map((id) => host.cache.lookupContainer(id));
  assert.equal([a?.state, a?.exitStatus, a?.name], [5, 7, "name-aa"]);
  // Its process is not in this host's /proc: that it runs is what the runtime believes.
  assert.equal([b?.state, b?.exitStatus], [5, undefined]);
  assert.equal(host.seen, []);
  assert.equal(host.cache.containers().length, 2);
});

test("a life is told in order and once, with the kernel's word on when and the runtime's on what", async () => {
  await using bed = await open();
  const { docker, host } = bed;
  docker.put(A, created, { Created: host.time() });
  docker.emit("create", A, { name: "name-aa", image: "shop:1" });
  await host.until(() => host.seen.length === 1);
  host.makeCgroup(50, `/docker/${A}`);
  assert.is(host.cache.containerOfCgroup(50)?.id, A);
  host.exec(300, 50);
  host.exec(301, 50, "/bin/other");
  docker.put(A, running(300, host.time()), { Created: host.time() });
  docker.emit("start", A);
  await host.until(() => host.cache.lookupContainer(A)?.pid === 300);
  docker.put(A, running(300, host.time()), { Name: "/other", Created: host.time() });
  docker.emit("rename", A);
  await host.until(() => host.seen.length === 3);
  host.exit(301, 1);
  host.exit(300, 3);
  host.removeCgroup(50, `/docker/${A}`);
  docker.containers.delete(A);
  docker.emit("die", A, { exitCode: "3" });
  docker.emit("destroy", A);
  await host.until(() => host.seen.includes("aa destroyed"));
  assert.equal(host.seen, ["aa created", "aa running", "aa updated name", "aa exited 3", "aa destroyed"]);
  assert.is(host.cache.lookupContainer(A), undefined);
  // A record that comes late still finds its container.
  assert.is(host.cache.containerOfCgroup(50)?.id, A);
});

test("a runtime that says the end before the kernel does waits for it, and not for ever", async () => {
  await using bed = await open();
  const { docker, host } = bed;
  for (const [id, cgroup, pid] of [
    [A, 50, 300],
    [B, 51, 400],
  ] as const) {
    docker.put(id, created, { Created: host.time() });
    docker.emit("create", id);
    await host.until(() => host.cache.lookupContainer(id)?.settled === true);
    host.makeCgroup(cgroup, `/docker/${id}`);
    host.exec(pid, cgroup);
    docker.put(id, { Running: false, ExitCode: 137, StartedAt: host.time(), FinishedAt: host.time() });
    docker.emit("die", id, { exitCode: "137" });
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  // The first one called exit(137), as only the kernel knows; of the second it says nothing.
  host.exit(300, 137);
  await host.until(() => host.seen.includes("bb exited SIG9"));
  assert.equal(
    host.seen.filter((line) => line.includes("exited")),
    ["aa exited 137", "bb exited SIG9"],
  );
});

test("a claim that is out of date changes nothing", async () => {
  await using bed = await open();
  const { docker, host } = bed;
  docker.put(A, created, { Created: host.time() });
  docker.emit("create", A);
  await host.until(() => host.cache.lookupContainer(A)?.settled === true);
  host.makeCgroup(50, `/docker/${A}`);
  host.exec(300, 50);
  host.exit(300, 0);
  docker.put(A, running(300, host.time()));
  docker.emit("start", A);
  await host.until(() => host.cache.stats().stale > 0);
  assert.equal(host.seen, ["aa created", "aa running", "aa exited 0"]);
});

/** Answers that are none. */
const lies: Record<string, Parameters<FakeDocker["answers"]["set"]>[1]> = {
  nothing: () => {},
  "no JSON": (_, response) => void response.end("<html>"),
  "another form": (_, response) => void response.end('{"a": [1, {"Id": 5}]}'),
  "an error": (_, response) => void response.writeHead(500).end("{}"),
  "half an answer": (_, response) => {
    response.writeHead(200, { "Content-Length": "1000" });
    response.write("{");
    setTimeout(() => response.destroy(), 5);
  },
  "an answer without end": (_, response) => {
    response.writeHead(200);
    const more = () => {
      while (response.write("x".repeat(1 << 16)));
      response.once("drain", more);
    };
    more();
  },
};

for (const [name, answer] of Object.entries(lies)) {
  for (const path of ["/info", "/events", "/containers/json", `/containers/${A}/json`]) {
    test(`${name} for GET ${path.slice(0, 20)} delays nothing, and the next answer counts`, async () => {
      const docker = new FakeDocker();
      docker.answers.set(path, answer);
      docker.put(A, created);
      await docker.start();
      {
        await using host = await FakeHost.open({ dockerSockets: [docker.socket] });
        await host.cache.ready;
        host.makeCgroup(50, "/somewhere");
        assert.is(host.cache.containerOfCgroup(50), undefined);
        docker.answers.clear();
        docker.emit("rename", A);
        await host.until(() => host.cache.runtimes()[0]?.condition === "connected" && docker.followers > 0);
        await host.until(() => {
          docker.emit("rename", A);
          return host.cache.lookupContainer(A)?.settled === true;
        });
        assert.is(host.cache.lookupContainer(A)?.imageName, "shop:1");
      }
      await docker[Symbol.asyncDispose]();
    });
  }
}

test("events that are none are counted and left out", async () => {
  await using bed = await open();
  const { docker, host } = bed;
  docker.send('garbage\n{"Type":1}\n[]\nnull\n{"Action":"destroy","Actor":{"ID":"../../etc"}}\n\n');
  docker.put(A, created, { Created: host.time() });
  docker.emit("create", A);
  await host.until(() => host.seen.length === 1);
  assert.equal(host.seen, ["aa created"]);
  assert.is(host.cache.stats().failedRequests, 5);
});

test("a socket that goes and comes back is followed, and nothing is told twice", async () => {
  await using bed = await open();
  const { docker, host } = bed;
  docker.put(A, created, { Created: host.time() });
  docker.put(B, created, { Created: host.time() });
  docker.emit("create", A);
  docker.emit("create", B);
  await host.until(() => host.seen.length === 2);
  await docker.stop();
  await host.until(() => host.cache.runtimes()[0]?.condition !== "connected");
  docker.containers.delete(B);
  await docker.start();
  await host.until(() => host.seen.length === 3);
  assert.equal(host.seen, ["aa created", "bb created", "bb destroyed"]);
});

test.run();
