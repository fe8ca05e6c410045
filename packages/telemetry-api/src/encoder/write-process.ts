import type { Init } from "../event-init.js";
import type { Process } from "../gen/capsule8/api/v0/telemetry_event_pb.js";
import type { Credentials, Pod } from "../gen/capsule8/api/v0/types_pb.js";
import type { WireWriter } from "./wire-writer.js";

// Fields of an event that tell of its process.

/** An item of `process_lineage`. */
export function writeProcess(writer: WireWriter, process: Init<Process>): void {
  const start = writer.begin(8, 1);
  writer.sint32(1, process.pid);
  writer.string(2, process.command);
  writer.string(1000, process.processId);
  writer.string(1001, process.executable);
  writer.end(start, 1);
}

export function writeCredentials(writer: WireWriter, credentials: Init<Credentials>): void {
  const start = writer.begin(202, 1);
  writer.uint32(1, credentials.uid);
  writer.uint32(2, credentials.gid);
  writer.uint32(3, credentials.euid);
  writer.uint32(4, credentials.egid);
  writer.uint32(5, credentials.suid);
  writer.uint32(6, credentials.sgid);
  writer.uint32(7, credentials.fsuid);
  writer.uint32(8, credentials.fsgid);
  writer.end(start, 1);
}

export function writePod(writer: WireWriter, pod: Init<Pod>): void {
  const start = writer.begin(1004, 1);
  writer.string(1, pod.name);
  writer.string(2, pod.namespace);
  writer.string(3, pod.uid);
  writer.string(4, pod.container);
  writer.end(start, 1);
}
