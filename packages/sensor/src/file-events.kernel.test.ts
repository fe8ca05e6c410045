import { and, compare, like } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities } from "./capabilities.js";
import { eventKinds } from "./event-kinds.js";
import { type FilePayload, FileEventType as Type } from "./payload.js";
import type { EventFilter, PlainKind } from "./subscription-request.js";
import { EventBed, valuesOf } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });
const probes = requires({ root: true, perf: true, kprobes: true });
const kinds = eventKinds.filter((kind) => kind.startsWith("file.")) as PlainKind[];

/** Does one thing after the other in the folder it is given, where it is seen to be before; some of them fail. */
const doings = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv) {
  umask(0);
  if (chdir(argv[1])) return 1;
  usleep(500000);
  int fd = open("new file", O_CREAT | O_RDWR | O_EXCL, 0640);
  if (write(fd, "content", 7) != 7) return 2;
  close(fd);
  mkdir("dir", 0750);
  mkdir("dir", 0750);
  mknod("pipe", S_IFIFO | 0600, 0);
  link("new file", "dir/hard");
  symlink("some where", "soft");
  rmdir("dir");
  rename("dir/hard", "renamed");
  chmod("renamed", 0600);
  truncate("renamed", 3);
  unlink("pipe");
  unlink("soft");
  unlink("missing");
  rmdir("dir");
  open("/ks-missing", O_RDONLY | O_DIRECTORY);
  return 0;
}`;

probes("all nine kinds: names, modes and flags, of what succeeded alone; and conditions on them", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("doings", doings);
  const { events, done, stream } = await bed.gather({ filters: kinds.map((kind) => ({ kind })) });
  assert.equal(stream.statuses, [{ code: 0, message: "" }]);
  const folder = bed.folder;
  const chosen = await bed.gather({ filters: conditions(folder) });
  const { pid } = await bed.runBeside(program, folder);
  await bed.sensor.stop();
  await Promise.all([done, chosen.done]);
  const all = valuesOf(events, pid, "file") as FilePayload[];
  const of = (type: number) => all.filter((value) => value.type === type);
  const names = (type: number) => of(type).map(({ filename }) => filename);
  const at = (name: string) => `${folder}/${name}`;
  const opened = of(Type.OPEN).filter(({ filename }) => filename === at("new file") || filename === "/ks-missing");
  assert.equal(
    opened.map(({ filename, openFlags, openMode }) => [filename, openFlags! & 0o2200303, openMode]),
    [
      [at("new file"), 0o302, 0o640],
      ["/ks-missing", 0o200000, 0],
    ],
  );
  assert.equal(
    of(Type.CREATE).map(({ filename, openMode }) => [filename, openMode]),
    [
      [at("new file"), 0o640],
      [at("dir"), 0o750],
      [at("pipe"), 0o600],
    ],
  );
  assert.equal(names(Type.OPEN_FOR_MODIFY), [at("new file")]);
  assert.equal(names(Type.MODIFY), [at("new file"), at("renamed")]);
  assert.equal(names(Type.CLOSE_FOR_MODIFY), [at("new file")]);
  assert.equal(
    of(Type.LINK).map(({ sourceFile, targetFile, symlink }) => [sourceFile, targetFile, symlink]),
    [
      [at("new file"), at("dir/hard"), false],
      ["some where", at("soft"), true],
    ],
  );
  assert.equal(
    of(Type.RENAME).map(({ oldname, newname }) => [oldname, newname]),
    [[at("dir/hard"), at("renamed")]],
  );
  assert.equal(names(Type.ATTRIBUTE_CHANGE), [at("renamed")]);
  assert.equal(names(Type.DELETE), [at("pipe"), at("soft"), at("dir")]);
  // It is gone when they are looked at: it saw what its parent sees.
  assert.ok(of(Type.DELETE).every(({ resolved }) => resolved));
  const few = valuesOf(chosen.events, pid, "file") as FilePayload[];
  assert.equal(
    few.map(({ type, filename, targetFile, newname }) => [type, filename ?? targetFile ?? newname]),
    [
      [Type.OPEN, at("new file")],
      [Type.CREATE, at("dir")],
      [Type.LINK, at("soft")],
      [Type.RENAME, at("renamed")],
    ],
  );
});

/** Relative names are resolved before. */
const conditions = (folder: string): EventFilter[] => [
  {
    kind: "file.open",
    where: and(like("filename", `${folder}/*`), {
      type: "ne",
      left: {
        type: "bitwiseAnd",
        left: { type: "identifier", name: "flags" },
        right: { type: "value", valueType: "int32", value: 0o100 },
      },
      right: { type: "value", valueType: "int32", value: 0 },
    }),
  },
  { kind: "file.create", where: compare("mode", "int32", "eq", 0o750) },
  { kind: "file.link", where: { type: "identifier", name: "symlink" } },
  { kind: "file.rename", where: like("newname", "*/renamed") },
];

kernel("without kernel probes files are refused with the reason, never silently empty", async () => {
  const { kprobes, kinds: served } = await capabilities();
  for (const kind of kinds) {
    const own = served.find((each) => each.kind === kind)!;
    assert.is(own.state === "none", !kprobes, kind);
    if (!kprobes) assert.match(own.remedies.join(), "CONFIG_KPROBE_EVENTS");
  }
  if (kprobes) return;
  await using bed = await EventBed.open();
  const request = { filters: kinds.map((kind) => ({ kind })) };
  const error = await bed.sensor.newSubscription(request).catch((caught) => caught);
  assert.is(error.code, "unsupported");
  assert.match(error.message, /file\.open.*kprobes/);
});

test.run();
