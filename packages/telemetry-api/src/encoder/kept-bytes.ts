/** Parts that are remembered: those of the few processes that make most of the events at a time. */
const SLOTS = 32;
/** Longer parts are not worth the memory. */
const LONGEST = 16 * 1024;

/** The bytes of parts of events that come again and again, by the objects that they were made of. */
export class KeptBytes {
  private readonly parts = new Array<object | undefined>(SLOTS).fill(undefined);
  private readonly bytes = new Array<Uint8Array | undefined>(SLOTS).fill(undefined);
  private next = 0;

  of(part: object): Uint8Array | undefined {
    const slot = this.parts.indexOf(part);
    return slot < 0 ? undefined : this.bytes[slot];
  }

  /** Takes the place of the one that was added longest ago. */
  add(part: object, bytes: Uint8Array): void {
    if (bytes.length > LONGEST) return;
    this.parts[this.next] = part;
    this.bytes[this.next] = bytes;
    this.next = (this.next + 1) % SLOTS;
  }
}
