import type { ContainerData } from "../container-info.js";
import { ContainerState } from "../container-state.js";
import { podOf } from "../kubernetes.js";
import { at, countAt, type Json, textAt, textsAt, timeAt } from "./json.js";

/** Exit codes above this one stand for 128 + a signal. */
const SIGNALLED = 128;
const SIGNAL_LIMIT = 64;

/**
 * What Docker says of a container: the answer to an inspection, and what it keeps in config.v2.json, have the same
 * names for all that is read here.
 */
export function dockerFacts(json: Json): ContainerData {
  const state = dockerState(json);
  const labels = textsAt(json, "Config", "Labels");
  const startedTime = timeAt(json, "State", "StartedAt");
  const ended = state === ContainerState.Exited || state === ContainerState.Restarting;
  return {
    name: textAt(json, "Name").replace(/^\//, ""),
    imageId: textAt(json, "Image"),
    imageName: textAt(json, "Config", "Image"),
    labels,
    pod: podOf(labels),
    createdTime: timeAt(json, "Created"),
    restartCount: countAt(json, "RestartCount") ?? 0,
    state,
    startedTime,
    ...(ended
      ? {
          ...exitOf(countAt(json, "State", "ExitCode")),
          finishedTime: timeAt(json, "State", "FinishedAt"),
          oomKilled: at(json, "State", "OOMKilled") === true,
        }
      : { pid: countAt(json, "State", "Pid") || undefined }),
  };
}

/** Docker's exit code, and that of other runtimes, taken apart. It cannot tell `exit 137` from SIGKILL; the kernel can. */
export function exitOf(code: number | undefined): Pick<ContainerData, "exitStatus" | "exitSignal"> {
  if (code === undefined || code > 255) return {};
  if (code > SIGNALLED && code <= SIGNALLED + SIGNAL_LIMIT) return { exitSignal: code - SIGNALLED };
  return { exitStatus: code, exitSignal: 0 };
}

function dockerState(json: Json): ContainerState {
  const is = (flag: string) => at(json, "State", flag) === true;
  if (is("RemovalInProgress") || is("Dead") || textAt(json, "State", "Status") === "removing") {
    return ContainerState.Removing;
  }
  if (is("Restarting")) return ContainerState.Restarting;
  if (is("Paused")) return ContainerState.Paused;
  if (is("Running")) return ContainerState.Running;
  // Docker gives a container that could not be started a status and no time of a start.
  if (timeAt(json, "State", "StartedAt") === undefined) return ContainerState.Created;
  return ContainerState.Exited;
}
