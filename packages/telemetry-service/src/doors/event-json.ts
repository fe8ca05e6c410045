import { fromBinary, toJsonString } from "@bufbuild/protobuf";
import {
  ENVELOPE_SIZE,
  GetEventsResponseSchema,
  type TelemetryEvent,
  TelemetryEventSchema,
} from "@kernscope/telemetry-api";
import type { EventBlock, EventForm } from "../streams/event-block.js";

/** An event a line, as protobuf writes it in JSON. */
export const linesForm: EventForm = {
  name: "ndjson",
  encode: (block) => Buffer.from(eachInJson(block, (json) => `${json}\n`)),
};

/**
 * An event of an event stream each. Its id is that of the event, or of the last one that it tells to be lost: a client
 * that comes again with it is not told of those again.
 */
export const eventStreamForm: EventForm = {
  name: "event stream",
  encode: (block) => Buffer.from(eachInJson(block, (json, event) => `id: ${lastIdOf(event)}\ndata: ${json}\n\n`)),
};

function lastIdOf({ id, sensorId, sensorSequenceNumber, event }: TelemetryEvent): string {
  const lastLost = event.case === "lost" ? event.value.lastSequenceNumber : 0n;
  return (lastLost > sensorSequenceNumber ? `${sensorId}-${lastLost}` : id).replace(/[\r\n\0]/g, "");
}

function eachInJson(block: EventBlock, write: (json: string, event: TelemetryEvent) => string): string {
  const { events } = fromBinary(GetEventsResponseSchema, block.response.subarray(ENVELOPE_SIZE));
  let text = "";
  for (const { event } of events) {
    // Within JSON a line break is written \n, so that it is always one line.
    if (event !== undefined) text += write(toJsonString(TelemetryEventSchema, event), event);
  }
  return text;
}
