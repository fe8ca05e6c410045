import { fromBinary, toJsonString } from "@bufbuild/protobuf";
import { ENVELOPE_SIZE, GetEventsResponseSchema, TelemetryEventSchema } from "@kernscope/telemetry-api";
import type { EventBlock, EventForm } from "../streams/event-block.js";

/** An event a line, as protobuf writes it in JSON. */
export const linesForm: EventForm = {
  name: "ndjson",
  encode: (block) => Buffer.from(eachInJson(block, (json) => `${json}\n`)),
};

/** An event of an event stream each, whose id is that of the event. */
export const eventStreamForm: EventForm = {
  name: "event stream",
  encode: (block) => Buffer.from(eachInJson(block, (json, id) => `id: ${id}\ndata: ${json}\n\n`)),
};

function eachInJson(block: EventBlock, write: (json: string, id: string) => string): string {
  const { events } = fromBinary(GetEventsResponseSchema, block.response.subarray(ENVELOPE_SIZE));
  let text = "";
  for (const { event } of events) {
    // Within JSON a line break is written \n, so that it is always one line.
    if (event !== undefined)
      text += write(toJsonString(TelemetryEventSchema, event), event.id.replace(/[\r\n\0]/g, ""));
  }
  return text;
}
