/** Every kind of event of the v0 API that can be subscribed to. */
export const eventKinds = [
  "process.fork",
  "process.exec",
  "process.exit",
  "process.update",
  "syscall.enter",
  "syscall.exit",
  "file.open",
  "file.create",
  "file.delete",
  "file.link",
  "file.rename",
  "file.modify",
  "file.open-for-modify",
  "file.close-for-modify",
  "file.attribute-change",
  "network.connect-attempt",
  "network.connect-result",
  "network.bind-attempt",
  "network.bind-result",
  "network.listen-attempt",
  "network.listen-result",
  "network.accept-attempt",
  "network.accept-result",
  "network.sendto-attempt",
  "network.sendto-result",
  "network.recvfrom-attempt",
  "network.recvfrom-result",
  "kernel-call.enter",
  "kernel-call.exit",
  "user-call.enter",
  "user-call.exit",
  "performance",
  "container.created",
  "container.running",
  "container.exited",
  "container.destroyed",
  "container.updated",
  "ticker",
  "chargen",
] as const;

/** Name of a kind of events. */
export type EventKind = (typeof eventKinds)[number];

export function isEventKind(name: string): name is EventKind {
  return (eventKinds as readonly string[]).includes(name);
}
