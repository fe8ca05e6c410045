/** The user and group ids of a task, as seen from this process's user namespace: 0 … 2^32 − 1 (credentials(7)). */
export interface Cred {
  /** Real user id. */
  readonly uid: number;
  /** Real group id. */
  readonly gid: number;
  /** Effective user id: what permission checks use. */
  readonly euid: number;
  /** Effective group id. */
  readonly egid: number;
  /** Saved set-user-id. */
  readonly suid: number;
  /** Saved set-group-id. */
  readonly sgid: number;
  /** User id for file access. */
  readonly fsuid: number;
  /** Group id for file access. */
  readonly fsgid: number;
}

/** Hands out one frozen object for equal ids: a host has few distinct credentials and many tasks. */
export class CredPool {
  readonly #known = new Map<string, Cred>();
  readonly #limit: number;

  /** `limit`: how many distinct credentials are kept; when there are more, all are forgotten and collected anew. */
  constructor(limit = 4096) {
    this.#limit = limit;
  }

  intern(cred: Cred): Cred {
    const { uid, gid, euid, egid, suid, sgid, fsuid, fsgid } = cred;
    const key = `${uid},${gid},${euid},${egid},${suid},${sgid},${fsuid},${fsgid}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= this.#limit) this.#known.clear();
    const kept = Object.freeze({ uid, gid, euid, egid, suid, sgid, fsuid, fsgid });
    this.#known.set(key, kept);
    return kept;
  }
}

/** Builds credentials from the four ids of `Uid:` and `Gid:` in /proc/PID/status: real, effective, saved, file system. */
export function credOfStatus(uids: readonly number[], gids: readonly number[]): Cred | undefined {
  const [uid, euid, suid, fsuid] = uids;
  const [gid, egid, sgid, fsgid] = gids;
  if (uid === undefined || euid === undefined || suid === undefined || fsuid === undefined) return undefined;
  if (gid === undefined || egid === undefined || sgid === undefined || fsgid === undefined) return undefined;
  return { uid, gid, euid, egid, suid, sgid, fsuid, fsgid };
}

/** What credentials are after an exec: the kernel sets saved and file system ids to the effective ones (security/commoncap.c). */
export function credOfExec(uid: number, euid: number, gid: number, egid: number): Cred {
  return { uid, gid, euid, egid, suid: euid, sgid: egid, fsuid: euid, fsgid: egid };
}
