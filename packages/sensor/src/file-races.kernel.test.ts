import { like } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { FilePayload } from "./payload.js";
import { EventBed, valuesOf } from "./testing/event-bed.js";

const probes = requires({ root: true, perf: true, kprobes: true });
/** Emulated kernels do the same, less of it. */
const ROUNDS = process.env.KERNSCOPE_VM ? 500 : 10_000;

/** Opens a file by a name that another thread rewrites all the time; prints which file it was that it got. */
const racer = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static char path[4096], *at;
static void *rewrite(void *unused) {
  /* An emulated CPU stops between runs of instructions: each letter stays for some of them. */
  for (unsigned i = 0;; i++) *(volatile char *)at = "ab"[i >> 4 & 1];
}
int main(int argc, char **argv) {
  struct stat a, s;
  for (char *name = "ab"; *name; name++) {
    sprintf(path, "%s/%c", argv[1], *name);
    close(open(path, O_CREAT | O_WRONLY, 0600));
  }
  at = path + strlen(path) - 1;
  *at = 'a';
  stat(path, &a);
  pthread_t thread;
  printf("start\\n");
  pthread_create(&thread, NULL, rewrite, NULL);
  for (int i = 0; i < atoi(argv[2]); i++) {
    int fd = open(path, O_RDONLY);
    fstat(fd, &s);
    close(fd);
    printf("%c\\n", s.st_ino == a.st_ino ? 'a' : 'b');
    if (i % 8 == 0) usleep(1);
  }
  exit(0);
}`;

probes(
  "arguments changed after the check: a name is rewritten in use; what is told is what was opened, every time",
  async () => {
    await using bed = await EventBed.open();
    const program = bed.compile("racer", racer, "-pthread");
    const where = like("filename", `${bed.folder}/[ab]`);
    const { events, done } = await bed.gather({ filters: [{ kind: "file.open", where }] });
    const { pid, lines } = bed.run(program, bed.folder, `${ROUNDS}`);
    await bed.sensor.stop();
    await done;
    const opened = lines.slice(lines.indexOf("start") + 1);
    const told = (valuesOf(events, pid, "file") as FilePayload[]).slice(2).map(({ filename }) => filename?.slice(-1));
    assert.is(opened.length, ROUNDS);
    assert.ok(new Set(opened).size === 2, "it was never rewritten in time: this shows nothing");
    assert.equal(told, opened);
  },
);

/** Opens files through io_uring, without a library and without open(2). */
const ring = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct io_uring_params p = {0};
  int fd = syscall(SYS_io_uring_setup, 4, &p);
  if (fd < 0) return 1;
  char *sq = mmap(0, p.sq_off.array + p.sq_entries * 4, 3, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
  struct io_uring_sqe *sqes = mmap(0, p.sq_entries * sizeof *sqes, 3, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
  unsigned *tail = (unsigned *)(sq + p.sq_off.tail), *array = (unsigned *)(sq + p.sq_off.array);
  unsigned mask = *(unsigned *)(sq + p.sq_off.ring_mask);
  for (int i = 0; i < 100; i++) {
    char name[64];
    sprintf(name, "/ks-ring-%d", i);
    unsigned at = *tail & mask;
    memset(&sqes[at], 0, sizeof *sqes);
    sqes[at].opcode = IORING_OP_OPENAT;
    sqes[at].fd = AT_FDCWD;
    sqes[at].addr = (unsigned long)name;
    array[at] = at;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, 0, 0) < 0) return 2;
  }
  return 0;
}`;

probes("io_uring: files that are opened through it are seen, each of a hundred", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("ring", ring);
  const { events, done } = await bed.gather({
    filters: [{ kind: "file.open", where: like("filename", "/ks-ring-*") }],
  });
  const { pid } = bed.run(program);
  await bed.sensor.stop();
  await done;
  const names = new Set((valuesOf(events, pid, "file") as FilePayload[]).map(({ filename }) => filename));
  assert.is(names.size, 100);
});

test.run();
