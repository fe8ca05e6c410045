import { rmSync } from "node:fs";
import { and, compare, like, or } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities } from "./capabilities.js";
import { type EventKind, eventKinds } from "./event-kinds.js";
import { AddressFamily, NetworkEventType, type NetworkPayload } from "./payload.js";
import type { PlainKind } from "./subscription-request.js";
import { EventBed, valuesOf } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });
const probes = requires({ root: true, perf: true, kprobes: true });

/**
 * Each call once, on sockets of each family, in one thread: prints descriptors and ports. What would wait for another
 * thread does not: connections to a listening socket are made by the kernel alone.
 */
const sockets = `
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#define SIZE(a) (struct sockaddr *)&a, sizeof a
int main(int argc, char **argv) {
  struct sockaddr_in in = {.sin_family = AF_INET};
  inet_pton(AF_INET, "127.0.0.1", &in.sin_addr);
  int server = socket(AF_INET, SOCK_STREAM, 0);
  bind(server, SIZE(in));
  listen(server, 7);
  socklen_t length = sizeof in;
  getsockname(server, (struct sockaddr *)&in, &length);
  int client = socket(AF_INET, SOCK_STREAM, 0);
  connect(client, SIZE(in));
  int peer = accept(server, NULL, NULL);
  int peer4 = -1;
  int client2 = socket(AF_INET, SOCK_STREAM, 0);
  connect(client2, SIZE(in));
  peer4 = accept4(server, NULL, NULL, SOCK_CLOEXEC);
  send(client, "hello", 5, 0);
  char buffer[64];
  recv(peer, buffer, sizeof buffer, 0);

  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(4242)};
  inet_pton(AF_INET6, "::1", &in6.sin6_addr);
  int datagram = socket(AF_INET6, SOCK_DGRAM, 0);
  bind(datagram, SIZE(in6));
  sendto(datagram, "hi", 2, 0, SIZE(in6));
  struct iovec part = {buffer, sizeof buffer};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  recvmsg(datagram, &message, 0);

  struct sockaddr_un un = {.sun_family = AF_UNIX};
  strcpy(un.sun_path, argv[1]);
  int local = socket(AF_UNIX, SOCK_STREAM, 0);
  bind(local, SIZE(un));
  int abstract = socket(AF_UNIX, SOCK_STREAM, 0);
  memset(&un, 'x', sizeof un);
  un.sun_family = AF_UNIX;
  memcpy(un.sun_path, "\\0hidden", 7);
  connect(abstract, (struct sockaddr *)&un, offsetof(struct sockaddr_un, sun_path) + 7);
  connect(77, SIZE(in));
  printf("%d %d %d %d %d %d %d %d %d\\n", server, client, client2, peer, peer4, datagram, local, abstract, ntohs(in.sin_port));
  return 0;
}`;

const kinds = eventKinds.filter((kind) => kind.startsWith("network.")) as PlainKind[];
const typeOf = (kind: EventKind) =>
  NetworkEventType[kind.slice("network.".length).toUpperCase().replace("-", "_") as keyof typeof NetworkEventType];
const hasProbes = (await capabilities()).kprobes;

function summary({ sockfd, address, result, backlog }: NetworkPayload): unknown[] {
  const value = address?.address.value;
  return [sockfd ?? null, value ?? null, result ?? null, backlog ?? null];
}

/** Accepts a connection of each family; prints the ports that the connecting sockets have. */
const accepts = `
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#define ADDRESS(a) (struct sockaddr *)&a
static int pair(int family, struct sockaddr *at, socklen_t size, struct sockaddr *from, socklen_t length) {
  int server = socket(family, SOCK_STREAM, 0), client = socket(family, SOCK_STREAM, 0);
  if (family == AF_UNIX) unlink(((struct sockaddr_un *)at)->sun_path);
  if (bind(server, at, size) || listen(server, 1)) return -1;
  getsockname(server, at, &size);
  if (from && bind(client, from, length)) return -1;
  if (connect(client, at, size)) return -1;
  if (accept4(server, NULL, NULL, 0) < 0) return -1;
  struct sockaddr_in6 own;
  socklen_t ownSize = sizeof own;
  getsockname(client, ADDRESS(own), &ownSize);
  return ntohs(own.sin6_port);
}
int main(int argc, char **argv) {
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  struct sockaddr_un un = {.sun_family = AF_UNIX}, path = {.sun_family = AF_UNIX}, hidden = {.sun_family = AF_UNIX};
  strcpy(un.sun_path, argv[1]);
  snprintf(path.sun_path, sizeof path.sun_path, "%s-client", argv[1]);
  memcpy(hidden.sun_path, "\\0ks-client", 10);
  printf("%d ", pair(AF_INET, ADDRESS(in), sizeof in, NULL, 0));
  printf("%d", pair(AF_INET6, ADDRESS(in6), sizeof in6, NULL, 0));
  int none = pair(AF_UNIX, ADDRESS(un), sizeof un, NULL, 0);
  int named = pair(AF_UNIX, ADDRESS(un), sizeof un, ADDRESS(path), sizeof path);
  int abstract = pair(AF_UNIX, ADDRESS(un), sizeof un, ADDRESS(hidden), offsetof(struct sockaddr_un, sun_path) + 10);
  accept(77, NULL, NULL);
  return none < 0 || named < 0 || abstract < 0;
}`;

kernel("all twelve kinds: descriptors, results, and the addresses that this kernel tells", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("sockets", sockets);
  const path = `${bed.folder}/socket`;
  const { events, done, stream } = await bed.gather({ filters: kinds.map((kind) => ({ kind })) });
  const accepting = bed.run(bed.compile("accepts", accepts), path);
  rmSync(path);
  const { pid, lines } = bed.run(program, path);
  const [server, client, client2, peer, peer4, datagram, local, abstract, port] = lines[0]!.split(" ").map(Number);
  await bed.sensor.stop();
  await done;
  const values = valuesOf(events, pid, "network") as NetworkPayload[];
  const of = (kind: EventKind) => values.filter(({ type }) => type === typeOf(kind)).map(summary);
  const result = (value: number) => [null, null, value, null];
  const loopback = { address: { address: 0x0100_007f }, port };
  const ipv6 = { address: { high: 0, low: 0x0100_0000_0000_0000n }, port: 4242 };
  const known = (address: unknown) => (hasProbes ? address : null);
  assert.equal(of("network.connect-attempt"), [
    [client, loopback, null, null],
    [client2, loopback, null, null],
    [abstract, known("\0hidden"), null, null],
    [77, null, null, null],
  ]);
  assert.equal(of("network.connect-result"), [result(0), result(0), result(-111), result(-9)]);
  assert.equal(of("network.bind-attempt"), [
    [server, known({ address: { address: 0x0100_007f }, port: 0 }), null, null],
    [datagram, known(ipv6), null, null],
    [local, known(path), null, null],
  ]);
  assert.equal(of("network.bind-result"), [result(0), result(0), result(0)]);
  assert.equal(of("network.listen-attempt"), [[server, null, null, 7]]);
  assert.equal(of("network.listen-result"), [result(0)]);
  assert.equal(of("network.accept-attempt"), [
    [server, null, null, null],
    [server, null, null, null],
  ]);
  // Whose connections they were is seen below.
  const accepted = values.filter(({ type }) => type === NetworkEventType.ACCEPT_RESULT);
  assert.equal(
    accepted.map(summary).map(([fd, , ...rest]) => [fd, null, ...rest]),
    [result(peer!), result(peer4!)],
  );
  assert.equal(of("network.sendto-attempt"), [
    [client, null, null, null],
    [datagram, known(ipv6), null, null],
  ]);
  assert.equal(of("network.sendto-result"), [result(5), result(2)]);
  assert.equal(of("network.recvfrom-attempt"), [
    [peer, null, null, null],
    [datagram, null, null, null],
  ]);
  assert.equal(of("network.recvfrom-result"), [result(5), result(2)]);
  const told = stream.statuses.filter(({ code }) => code !== 0).map(({ message }) => message.split(":")[0]);
  // 32-bit calls are seen where there is a function that all ways lead through.
  const whole = hasProbes ? ["network.connect-attempt", "network.bind-attempt"] : [];
  assert.equal(
    [...new Set(told)],
    kinds.filter((kind) => !whole.includes(kind)),
  );
  const addressless = ["connect-attempt", "bind-attempt", "accept-result", "sendto-attempt"];
  assert.equal(
    stream.statuses.filter(({ message }) => /address/.test(message)).map(({ message }) => message.split(":")[0]),
    hasProbes ? [] : addressless.map((kind) => `network.${kind}`),
  );

  // Of accepted connections the other end is known where the kernel can be asked, and nothing where there is none.
  const [ipv4Port, ipv6Port] = accepting.lines[0]!.split(" ").map(Number);
  const peers = (valuesOf(events, accepting.pid, "network") as NetworkPayload[]).filter(
    ({ type }) => type === NetworkEventType.ACCEPT_RESULT,
  );
  const ends = [
    { address: { address: 0x0100_007f }, port: ipv4Port },
    { address: { high: 0, low: 0x0100_0000_0000_0000n }, port: ipv6Port },
    "",
    `${path}-client`,
    "\0ks-client",
    null,
  ];
  assert.equal(
    peers.map((value) => summary(value)[1]),
    ends.map(known),
  );
  assert.equal(
    peers.map(({ result }) => result! >= 0),
    ends.map((address) => address !== null),
  );
});

kernel("conditions: on what the kernel compares and on the address of a TCP connection", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("sockets", sockets);
  const { events, done } = await bed.gather({
    filters: [
      { kind: "network.listen-attempt", where: compare("backlog", "uint64", "eq", 7) },
      { kind: "network.accept-result", where: compare("ret", "int64", "lt", 0) },
      {
        kind: "network.connect-attempt",
        where: and(compare("sa_family", "uint16", "eq", 2), compare("sin_addr", "uint32", "eq", 0x0100_007f)),
      },
    ],
  });
  const { pid, lines } = bed.run(program, `${bed.folder}/socket`);
  const [server, client, client2] = lines[0]!.split(" ").map(Number);
  await bed.sensor.stop();
  await done;
  const values = valuesOf(events, pid, "network") as NetworkPayload[];
  assert.equal(
    values.map(({ type, sockfd, address }) => [type, sockfd, address?.family]),
    [
      [NetworkEventType.LISTEN_ATTEMPT, server, undefined],
      [NetworkEventType.CONNECT_ATTEMPT, client, AddressFamily.INET],
      [NetworkEventType.CONNECT_ATTEMPT, client2, AddressFamily.INET],
    ],
  );
});

kernel("a condition that no event could meet is refused with what it needs, or met", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("sockets", sockets);
  const where = like("sun_path", `${bed.folder}/*`);
  const request = { filters: [{ kind: "network.bind-attempt" as const, where }] };
  if (!hasProbes) {
    const error = await bed.sensor.newSubscription(request).catch((caught) => caught);
    assert.is(error.code, "unsupported");
    assert.match(error.message, /sun_path.*kprobes/);
    return;
  }
  const { events, done } = await bed.gather(request);
  const { pid } = bed.run(program, `${bed.folder}/socket`);
  await bed.sensor.stop();
  await done;
  assert.equal((valuesOf(events, pid, "network") as NetworkPayload[]).map(summary).length, 1);
});

probes("32-bit calls: they are seen below the table of system calls", async () => {
  await using bed = await EventBed.open();
  // connect through int $0x80: 362 of the 32-bit table; its structures have to lie below 4 GiB.
  const program = bed.compile(
    "narrow",
    `
#include <arpa/inet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <string.h>
int main() {
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(9)};
  char *low = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  inet_pton(AF_INET, "127.9.9.9", &in.sin_addr);
  memcpy(low, &in, sizeof in);
  for (int i = 0; i < 100; i++) {
    long result;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(362), "b"(fd), "c"(low), "d"(sizeof in) : "memory", "r8", "r9", "r10", "r11");
    if (result) return 1;
    close(fd);
  }
}`,
  );
  const where = compare("sin_addr", "uint32", "eq", 0x0909_097f);
  const { events, done } = await bed.gather({ filters: [{ kind: "network.connect-attempt", where }] });
  const { pid } = bed.run(program);
  await bed.sensor.stop();
  await done;
  const values = valuesOf(events, pid, "network") as NetworkPayload[];
  assert.is(values.length, 100);
  assert.not(values.some(({ ioUring }) => ioUring));
});

/** Sends to two ports in one call, the second twice; connects to what has no address of its own kind here. */
const senders = `
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
int main() {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct iovec part = {"hi", 2};
  struct sockaddr_in to[3];
  struct mmsghdr messages[3] = {0};
  for (int i = 0; i < 3; i++) {
    to[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(i ? 4712 : 4711), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    messages[i].msg_hdr = (struct msghdr){.msg_name = &to[i], .msg_namelen = sizeof *to, .msg_iov = &part, .msg_iovlen = 1};
  }
  if (sendmmsg(fd, messages, 3, 0) < 1) return 1;
  if (write(fd, "no", 2) > 0) return 2;
  struct sockaddr_nl nl = {.nl_family = AF_NETLINK};
  int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (connect(netlink, (struct sockaddr *)&nl, sizeof nl)) return 3;
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  if (connect(fd, &none, sizeof none)) return 4;
  printf("%d %d\\n", fd, netlink);
}`;

probes("each address that messages go to is told, and the number of every family", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("senders", senders);
  const families = or(compare("sa_family", "uint16", "eq", 16), compare("sa_family", "uint16", "eq", 0));
  const { events, done } = await bed.gather({
    filters: [{ kind: "network.sendto-attempt" }, { kind: "network.connect-attempt", where: families }],
  });
  const { pid, lines } = bed.run(program);
  const [fd, netlink] = lines[0]!.split(" ").map(Number);
  await bed.sensor.stop();
  await done;
  const values = valuesOf(events, pid, "network") as NetworkPayload[];
  const port = (number: number) => ({ address: { address: 0x0100_007f }, port: number });
  assert.equal(
    values.map(({ sockfd, address }) => [sockfd, address?.address.value, address?.otherFamily]),
    [
      [fd, port(4711), undefined],
      [fd, port(4712), undefined],
      [netlink, undefined, 16],
      [fd, undefined, 0],
    ],
  );
});

test.run();
