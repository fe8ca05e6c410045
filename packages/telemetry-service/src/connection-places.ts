import type { Socket } from "node:net";

/**
 * The places of connections at an address. Where all are taken, a new connection gets that of the oldest one that was not let
 * in, which is closed: so those who only hold places keep nobody out. Where all were let in it gets none.
 */
export class ConnectionPlaces {
  readonly #most: number;
  readonly #taken = new Set<Socket>();
  /** Those that were not let in, the oldest first. */
  readonly #strangers = new Set<Socket>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes a place for a connection; returns whether it got one. Otherwise it is closed. */
  take(socket: Socket): boolean {
    this.#taken.add(socket);
    this.#strangers.add(socket);
    socket.on("close", () => this.#leave(socket));
    if (this.#taken.size <= this.#most) return true;
    const [oldest = socket] = this.#strangers;
    this.#leave(oldest);
    oldest.destroy();
    return oldest !== socket;
  }

  /** Lets a connection in: it keeps its place for as long as it wants. */
  letIn(socket: Socket): void {
    this.#strangers.delete(socket);
  }

  #leave(socket: Socket): void {
    this.#taken.delete(socket);
    this.#strangers.delete(socket);
  }
}
