// Reads as much of a response's protobuf as a bench wants to know, by hand: the cheapest client that there can be.

/** What was found in responses. */
export class EventCounts {
  /** Events, those that tell of losses not among them. */
  received = 0;
  lost = 0;
  bytes = 0;
  /** Field numbers of the first event. @type {Set<number> | undefined} */
  fields;
  /** Nanoseconds from the kernel to here, of one event in `every`. @type {number[]} */
  latencies = [];
  #every;
  #origin;

  /** @param {number} origin the sensor's clock when it was opened, in nanoseconds @param {number} every */
  constructor(origin, every) {
    this.#origin = origin;
    this.#every = every;
  }

  /** Takes a `GetEventsResponse`. @param {Buffer} message */
  take(message) {
    const now = Number(process.hrtime.bigint()) - this.#origin;
    const reader = new Fields(message, 0, message.length);
    while (reader.next()) {
      if (reader.field !== 1) continue;
      this.bytes += reader.end - reader.start;
      const received = new Fields(message, reader.start, reader.end);
      while (received.next()) if (received.field === 2) this.#takeEvent(message, received.start, received.end, now);
    }
  }

  /** @param {Buffer} message @param {number} start @param {number} end @param {number} now */
  #takeEvent(message, start, end, now) {
    const event = new Fields(message, start, end);
    const fields = this.fields === undefined ? new Set() : undefined;
    while (event.next()) {
      fields?.add(event.field);
      if (event.field === 7 && this.received % this.#every === 0) this.latencies.push(now - event.value);
      if (event.field !== 102) continue;
      const loss = new Fields(message, event.start, event.end);
      while (loss.next()) if (loss.field === 1) this.lost += loss.value;
      return;
    }
    this.fields ??= fields;
    this.received++;
  }
}

/** The fields of a message, one after the other. */
class Fields {
  field = 0;
  /** Of a varint. */
  value = 0;
  /** Of a field with a length. */
  start = 0;
  end = 0;
  #bytes;
  #at;
  #limit;

  /** @param {Buffer} bytes @param {number} start @param {number} end */
  constructor(bytes, start, end) {
    this.#bytes = bytes;
    this.#at = start;
    this.#limit = end;
  }

  next() {
    if (this.#at >= this.#limit) return false;
    const tag = this.#varint();
    this.field = tag >>> 3;
    const type = tag & 7;
    if (type === 0) {
      this.value = this.#varint();
      return true;
    }
    const size = type === 2 ? this.#varint() : type === 1 ? 8 : 4;
    this.start = this.#at;
    this.end = this.#at = this.start + size;
    return true;
  }

  #varint() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }
}
