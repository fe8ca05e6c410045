/**
 * A text of which the end alone is known: what of a path could be fetched. A condition on it is neither true nor false
 * where that depends on what is not known, and passes then: too much is better than an event that is missed.
 */
export class TextEnd {
  readonly end: string;

  constructor(end: string) {
    this.end = end;
  }
}
