import { existsSync } from "node:fs";
import type { RuntimeCondition, RuntimeStatus } from "./runtime.js";

/** Milliseconds between two attempts at a socket that fails. */
const PAUSE = { first: 100, last: 5000 } as const;

/**
 * Talks to the first socket of a list that is there, again and again: `session` connects, calls `connected` when the
 * containers have been taken in, and returns or throws when the connection is over.
 */
export class SocketSession {
  readonly #sockets: readonly string[];
  readonly #session: (socket: string, signal: AbortSignal, connected: () => void) => Promise<void>;
  readonly #onCondition: (condition: RuntimeCondition) => void;
  readonly #abort = new AbortController();
  readonly ready: Promise<void>;
  #isReady: () => void = () => {};
  #condition: RuntimeCondition = "absent";
  #reason = "";
  #running: Promise<void> | undefined;
  #pause: number = PAUSE.first;
  #wake: () => void = () => {};

  constructor(init: {
    sockets: readonly string[];
    session: (socket: string, signal: AbortSignal, connected: () => void) => Promise<void>;
    onCondition?: (condition: RuntimeCondition) => void;
  }) {
    this.#sockets = init.sockets;
    this.#session = init.session;
    this.#onCondition = init.onCondition ?? (() => {});
    this.ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
    this.#reason = init.sockets.length === 0 ? "left out" : `no socket at ${init.sockets.join(" or ")}`;
  }

  get status(): Omit<RuntimeStatus, "name"> {
    const condition = this.#condition;
    return { found: condition !== "absent", condition, reason: this.#reason };
  }

  get connected(): boolean {
    return this.#condition === "connected";
  }

  /** Starts, if there is a socket and no session. */
  look(): void {
    if (this.#running !== undefined || this.#abort.signal.aborted) return;
    const socket = this.#sockets.find((path) => existsSync(path));
    if (socket === undefined) {
      if (this.#condition !== "absent") this.#become("absent", `no socket at ${this.#sockets.join(" or ")}`);
      this.#isReady();
      return;
    }
    this.#running = this.#run(socket).finally(() => {
      this.#running = undefined;
    });
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.#wake();
    this.#isReady();
    await this.#running;
  }

  async #run(socket: string): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted && existsSync(socket)) {
      if (this.#condition !== "failed") this.#become("connecting", "");
      const session = new AbortController();
      const end = () => session.abort();
      signal.addEventListener("abort", end);
      try {
        await this.#session(socket, session.signal, () => {
          this.#pause = PAUSE.first;
          this.#become("connected", "");
          this.#isReady();
        });
        this.#become("failed", "the connection ended");
      } catch (error) {
        this.#become("failed", error instanceof Error ? error.message : String(error));
      } finally {
        // What the session left open ends with it.
        session.abort();
        signal.removeEventListener("abort", end);
      }
      this.#isReady();
      await this.#sleep();
    }
    if (!signal.aborted) this.#become("absent", `no socket at ${socket}`);
  }

  #sleep(): Promise<void> {
    if (this.#abort.signal.aborted) return Promise.resolve();
    const pause = this.#pause;
    this.#pause = Math.min(pause * 2, PAUSE.last);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, pause);
      timer.unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #become(condition: RuntimeCondition, reason: string): void {
    const changed = this.#condition !== condition;
    this.#condition = condition;
    this.#reason = reason;
    if (changed) this.#onCondition(condition);
  }
}
