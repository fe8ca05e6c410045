/** Whether a monitor runs, and until when. */
export class RunState {
  #promise: Promise<void> | undefined;
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};
  /** Elapsed time up to which records are to be handed out before the run ends. */
  stopAt = Infinity;

  get running(): boolean {
    return this.#promise !== undefined;
  }

  /** Settles when the run is over. */
  get promise(): Promise<void> {
    return this.#promise ?? Promise.resolve();
  }

  begin(): void {
    this.stopAt = Infinity;
    this.#promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  end(): void {
    this.#promise = undefined;
    this.#resolve();
  }

  fail(error: unknown): void {
    this.#promise = undefined;
    this.#reject(error);
  }
}
