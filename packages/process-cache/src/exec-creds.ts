import { type Cred, credOfExec } from "./credentials.js";
import type { ExecIds } from "./exec-args.js";
import type { TaskEntry } from "./task-entry.js";
import type { TaskFinder } from "./task-finder.js";

/**
 * Takes the ids that the kernel gave to the new program. They are those of its own user namespace: where its real ids
 * are not those that were known, either it has another one, or changed its ids unseen; /proc tells.
 */
export function applyExecIds(finder: TaskFinder, leader: TaskEntry, ids: ExecIds): void {
  const { uid, euid, gid, egid } = ids;
  const known = leader.creds;
  if (finder.credsProbed && known !== undefined) {
    const isTold = known.uid === uid && known.euid === euid && known.gid === gid && known.egid === egid;
    if (isTold || leader.inUserNamespace) return;
  }
  const isAlike = known !== undefined && known.uid === uid && known.gid === gid && !leader.inUserNamespace;
  if (isAlike) {
    // Most programs leave them as they are.
    if (!isAfterExec(known, ids)) leader.creds = finder.creds.intern(credOfExec(uid, euid, gid, egid));
    leader.setOrigin("creds", "tracepoint", true);
    return;
  }
  const told = finder.system.creds(leader.pid);
  if (told !== undefined) {
    leader.creds = finder.creds.intern(told);
    leader.setOrigin("creds", "procfs", true);
    if (told.uid !== uid || told.euid !== euid || told.gid !== gid) leader.inUserNamespace = true;
  } else if (!leader.inUserNamespace) {
    leader.creds = finder.creds.intern(credOfExec(uid, euid, gid, egid));
    leader.setOrigin("creds", "tracepoint", false);
  } else {
    leader.setOrigin("creds", leader.origin("creds").source, false);
  }
}

/** Whether they are what {@link credOfExec} makes of the ids. */
function isAfterExec({ uid, euid, suid, fsuid, gid, egid, sgid, fsgid }: Cred, ids: ExecIds): boolean {
  const isUser = uid === ids.uid && euid === ids.euid && suid === euid && fsuid === euid;
  return isUser && gid === ids.gid && egid === ids.egid && sgid === egid && fsgid === egid;
}
