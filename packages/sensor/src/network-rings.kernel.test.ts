import { existsSync, readFileSync } from "node:fs";
import { compare } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities } from "./capabilities.js";
import { eventKinds } from "./event-kinds.js";
import { NetworkEventType, type NetworkPayload } from "./payload.js";
import type { PlainKind } from "./subscription-request.js";
import { EventBed, valuesOf } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });
const hasProbes = (await capabilities()).kprobes;
const disabled = "/proc/sys/kernel/io_uring_disabled";
const isOff = existsSync(disabled) && readFileSync(disabled, "utf8").trim() !== "0";

/**
 * Lets io_uring do what calls on sockets do, without a library: each a hundred times, ten connections by workers, one accept
 * for three connections. Prints its port and whether the kernel can also bind and listen so.
 */
const rings = `
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
static int ring;
static char *sq, *cq;
static struct io_uring_params p;
static struct io_uring_sqe *sqes;
static void submit(int op, int fd, void *addr, unsigned len, unsigned long off, int flags, int ioprio, int wait) {
  unsigned *tail = (unsigned *)(sq + p.sq_off.tail), *array = (unsigned *)(sq + p.sq_off.array);
  unsigned at = *tail & *(unsigned *)(sq + p.sq_off.ring_mask);
  memset(&sqes[at], 0, sizeof *sqes);
  sqes[at].opcode = op;
  sqes[at].fd = fd;
  sqes[at].addr = (unsigned long)addr;
  sqes[at].len = len;
  sqes[at].off = off;
  sqes[at].flags = flags;
  sqes[at].ioprio = ioprio;
  sqes[at].user_data = op;
  array[at] = at;
  __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
  syscall(SYS_io_uring_enter, ring, 1, wait, wait ? IORING_ENTER_GETEVENTS : 0, 0, 0);
}
static int result() {
  unsigned *head = (unsigned *)(cq + p.cq_off.head);
  while (__atomic_load_n((unsigned *)(cq + p.cq_off.tail), __ATOMIC_ACQUIRE) == *head)
    syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, 0, 0);
  int res = ((struct io_uring_cqe *)(cq + p.cq_off.cqes))[*head & *(unsigned *)(cq + p.cq_off.ring_mask)].res;
  __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
  return res;
}
static int done(int op, int fd, void *addr, unsigned len, unsigned long off, int flags) {
  submit(op, fd, addr, len, off, flags, 0, 1);
  return result();
}
int main() {
  ring = syscall(SYS_io_uring_setup, 8, &p);
  if (ring < 0) return 1;
  sq = mmap(0, p.sq_off.array + p.sq_entries * 4, 3, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
  cq = mmap(0, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), 3, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_CQ_RING);
  sqes = mmap(0, p.sq_entries * sizeof *sqes, 3, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof in;
  int server = socket(AF_INET, SOCK_STREAM, 0);
  int binds = done(56, server, &in, 0, sizeof in, 0) == 0;
  if (!binds) bind(server, (struct sockaddr *)&in, sizeof in);
  if (!binds || done(57, server, NULL, 128, 0, 0) != 0) listen(server, 128);
  getsockname(server, (struct sockaddr *)&in, &length);
  char buffer[64];
  for (int i = 0; i < 110; i++) {
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (done(IORING_OP_CONNECT, client, &in, 0, sizeof in, i < 100 ? 0 : IOSQE_ASYNC)) return 2;
    int peer = i < 100 ? done(IORING_OP_ACCEPT, server, NULL, 0, 0, 0) : accept(server, NULL, NULL);
    if (peer < 0) return 3;
    if (i < 100) {
      struct iovec part = {buffer, 7};
      struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
      if (done(IORING_OP_SEND, client, buffer, 5, 0, 0) != 5) return 4;
      if (done(IORING_OP_RECV, peer, buffer, sizeof buffer, 0, 0) != 5) return 5;
      if (done(IORING_OP_SENDMSG, client, &message, 1, 0, 0) != 7) return 6;
      if (done(IORING_OP_RECVMSG, peer, &message, 1, 0, 0) != 7) return 7;
    }
    close(peer);
    close(client);
  }
  submit(IORING_OP_ACCEPT, server, NULL, 0, 0, 0, 1, 0);
  for (int i = 0; i < 3; i++) {
    if (connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&in, sizeof in)) return 8;
    if (result() < 0) return 9;
  }
  /* What has nothing to do with sockets. */
  done(IORING_OP_NOP, 0, NULL, 0, 0, 0);
  printf("%d %d\\n", ntohs(in.sin_port), binds);
  return 0;
}`;

const kinds = eventKinds.filter((kind) => kind.startsWith("network.")) as PlainKind[];

kernel("what goes through io_uring is seen, each of a hundred, and says so", async () => {
  if (isOff) return;
  await using bed = await EventBed.open();
  const program = bed.compile("rings", rings);
  const { events, done, stream } = await bed.gather({ filters: kinds.map((kind) => ({ kind })) });
  assert.not.match(stream.statuses.map(({ message }) => message).join(), /io_uring/);
  const { pid, lines } = bed.run(program);
  await bed.sensor.stop();
  await done;
  const [port, binds] = lines[0]!.split(" ").map(Number);
  const values = (valuesOf(events, pid, "network") as NetworkPayload[]).filter(({ ioUring }) => ioUring);
  const of = (name: keyof typeof NetworkEventType) => values.filter(({ type }) => type === NetworkEventType[name]);
  const results = (name: keyof typeof NetworkEventType) => of(name).map(({ result }) => Number(result));
  const count = (list: readonly number[]) =>
    Object.fromEntries(list.map((one) => [one, list.filter((x) => x === one).length]));

  assert.is(of("CONNECT_ATTEMPT").length, 110);
  const address = { family: 1, address: { case: "ipv4Address", value: { address: { address: 0x0100_007f }, port } } };
  for (const value of of("CONNECT_ATTEMPT")) {
    assert.equal([value.sockfd, value.address], [undefined, hasProbes ? address : undefined]);
  }
  assert.equal(count(results("CONNECT_RESULT")), { 0: 110 });
  assert.is(of("ACCEPT_ATTEMPT").length, 101);
  // The end of the one that was for many comes with that of the program.
  assert.is(results("ACCEPT_RESULT").filter((result) => result >= 0).length, 103);
  assert.is(of("SENDTO_ATTEMPT").length, 200);
  assert.equal(count(results("SENDTO_RESULT")), { 5: 100, 7: 100 });
  assert.is(of("RECVFROM_ATTEMPT").length, 200);
  assert.equal(count(results("RECVFROM_RESULT")), { 5: 100, 7: 100 });
  for (const name of ["BIND_ATTEMPT", "LISTEN_ATTEMPT"] as const) assert.is(of(name).length, binds, name);
  for (const name of ["BIND_RESULT", "LISTEN_RESULT"] as const) assert.equal(results(name), binds ? [0] : [], name);
});

kernel(
  "conditions are met by results of io_uring, and a field that it does not tell is told to be missing",
  async () => {
    if (isOff) return;
    await using bed = await EventBed.open();
    const program = bed.compile("rings", rings);
    const { events, done, stream } = await bed.gather({
      filters: [
        { kind: "network.sendto-result", where: compare("ret", "int64", "eq", 7) },
        { kind: "network.accept-attempt", where: compare("fd", "uint64", "ge", 0) },
      ],
    });
    const messages = stream.statuses.map(({ message }) => message);
    assert.is(
      messages.filter((message) => /accept-attempt: of requests to io_uring fd is not known/.test(message)).length,
      1,
    );
    const { pid } = bed.run(program);
    await bed.sensor.stop();
    await done;
    const values = valuesOf(events, pid, "network") as NetworkPayload[];
    const of = (name: keyof typeof NetworkEventType) => values.filter(({ type }) => type === NetworkEventType[name]);
    assert.equal(
      of("SENDTO_RESULT").map(({ result }) => result),
      Array(100).fill(7),
    );
    assert.is(of("ACCEPT_ATTEMPT").length, 10);
  },
);

test.run();
