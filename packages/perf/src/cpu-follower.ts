import type { RecordSource } from "@kernscope/perf-native";

export interface CpuFollowerInit {
  source: RecordSource;
  /** Milliseconds between two looks; 0: never. */
  interval: number;
  /** Why CPUs that came could not be taken in. */
  onError: (error: unknown) => void;
}

/** Has a source take in CPUs as they come online. It keeps no process alive. */
export class CpuFollower {
  /** How often a CPU came that had been offline: what happened on it before it was taken in is not known. */
  came = 0;
  readonly #init: CpuFollowerInit;
  readonly #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #stopped = false;

  constructor(init: CpuFollowerInit) {
    this.#init = init;
    if (init.interval > 0) this.#timer = setInterval(() => void this.look(), init.interval).unref();
  }

  /** Looks now, unless a look is under way. */
  async look(): Promise<void> {
    if (this.#looking || this.#stopped) return;
    this.#looking = true;
    try {
      this.came += (await this.#init.source.followCpus()).length;
    } catch (error) {
      if (!this.#stopped) this.#init.onError(error);
    } finally {
      this.#looking = false;
    }
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }
}
