import type { EventContextInit, Init } from "../event-init.js";
import type { Process } from "../gen/capsule8/api/v0/telemetry_event_pb.js";
import { WireWriter } from "./wire-writer.js";
import { writeCredentials, writePod, writeProcess } from "./write-process.js";

const encoder = new TextEncoder();
/** 2^32 */
const WORD = 0x1_0000_0000;
/** Unix times are added up in two halves where they are from 1970 on, and far from the end of 64 bits. */
const LATEST = 1n << 62n;

/**
 * What a context's events have in common, encoded: five runs of fields between those that are each event's own, since
 * fields stand in the order of their numbers.
 */
export class ContextBytes {
  /** All of an event's id but its number. */
  readonly idPrefix: Uint8Array;
  /** Fields 2 to 5. */
  readonly process: Uint8Array;
  /** Field 8. */
  readonly lineage: Uint8Array;
  /** Fields 30 to 32. */
  readonly container: Uint8Array;
  /** Fields 202 and 203. */
  readonly credentials: Uint8Array;
  /** Fields 1001 to 1004. */
  readonly program: Uint8Array;
  readonly unixOrigin: bigint;
  /** Halves of `unixOrigin`; NaN where that is too far off. */
  readonly originHigh: number;
  readonly originLow: number;

  constructor(context: EventContextInit) {
    const { sensorId = "", unixOrigin, processLineage = [], credentials, pod } = context;
    this.idPrefix = encoder.encode(`${sensorId}-`);
    this.process = run((writer) => {
      writer.string(2, context.processId);
      writer.int32(3, context.processPid);
      writer.string(4, context.containerId);
      writer.string(5, sensorId);
    });
    this.lineage = run((writer) => {
      for (const process of processLineage) writeProcess(writer, process as Init<Process>);
    });
    this.container = run((writer) => {
      writer.string(30, context.containerName);
      writer.string(31, context.imageId);
      writer.string(32, context.imageName);
    });
    this.credentials = run((writer) => {
      if (credentials !== undefined) writeCredentials(writer, credentials);
      writer.int32(203, context.processTgid);
    });
    this.program = run((writer) => {
      writer.strings(1001, context.commandLine);
      writer.bool(1002, context.commandLineTruncated);
      writer.string(1003, context.cgroupPath);
      if (pod !== undefined) writePod(writer, pod);
    });
    this.unixOrigin = unixOrigin;
    const isUsual = unixOrigin >= 0n && unixOrigin < LATEST;
    this.originHigh = isUsual ? Number(unixOrigin >> 32n) : NaN;
    this.originLow = isUsual ? Number(unixOrigin & 0xffff_ffffn) : NaN;
  }

  /** Writes the field `unix_time_nanos` of an event that was so long after the origin. */
  writeUnixTime(writer: WireWriter, monotimeNanos: number | bigint): void {
    const high = this.originHigh;
    if (typeof monotimeNanos !== "number" || !(monotimeNanos >= 0 && high >= 0)) {
      writer.int64(1000, this.unixOrigin + BigInt(monotimeNanos));
      return;
    }
    const low = this.originLow + (monotimeNanos >>> 0);
    const carry = low >= WORD ? 1 : 0;
    writer.int64Words(1000, low - carry * WORD, high + Math.floor(monotimeNanos / WORD) + carry);
  }
}

const scratch = new WireWriter();

function run(write: (writer: WireWriter) => void): Uint8Array {
  scratch.start();
  write(scratch);
  return scratch.finish();
}

/** Contexts that are remembered; a power of two. */
const SLOTS = 256;

/** The encoded contexts of the tasks that made the last events. */
export class ContextBytesCache {
  private readonly contexts = new Array<EventContextInit | undefined>(SLOTS).fill(undefined);
  private readonly bytes = new Array<ContextBytes | undefined>(SLOTS).fill(undefined);

  of(context: EventContextInit): ContextBytes {
    const slot = (context.processPid ?? 0) & (SLOTS - 1);
    const known = this.bytes[slot];
    if (known !== undefined && this.contexts[slot] === context) return known;
    const made = new ContextBytes(context);
    this.contexts[slot] = context;
    this.bytes[slot] = made;
    return made;
  }
}
