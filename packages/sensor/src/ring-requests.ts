/** What the kernel calls a request to an io_uring by: addresses, and what the program gave it. */
export interface RingRequest {
  /** Address of its `struct io_kiocb`; that of one that has ended is used again. */
  readonly req: number | bigint;
  /** Address of the ring. */
  readonly ctx: number | bigint;
  /** The program's. */
  readonly userData: number | bigint;
}

/** Requests that are kept: beyond, the oldest are forgotten. */
const MAX_REQUESTS = 32_768;

/**
 * Requests to io_urings that have begun and not yet ended, each with something of its own. Of a request for many results the
 * kernel names only the ring and the program's number with all but the last.
 */
export class RingRequests<T> {
  readonly #requests = new Map<number | bigint, RingRequest & { readonly value: T }>();
  /** The last one of each ring and number. */
  readonly #named = new Map<number | bigint, Map<number | bigint, RingRequest & { readonly value: T }>>();
  readonly #limit: number;

  constructor(limit: number = MAX_REQUESTS) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#requests.size;
  }

  begin({ req, ctx, userData }: RingRequest, value: T): void {
    // Its end was not seen.
    this.#forget(req);
    const request = { req, ctx, userData, value };
    this.#requests.set(req, request);
    let ring = this.#named.get(ctx);
    if (ring === undefined) {
      ring = new Map();
      this.#named.set(ctx, ring);
    }
    ring.set(userData, request);
    if (this.#requests.size <= this.#limit) return;
    for (const oldest of this.#requests.keys()) {
      this.#forget(oldest);
      break;
    }
  }

  /** The value of a request that ends with this result; `undefined` for one that is not known. */
  end({ req, ctx, userData }: RingRequest): T | undefined {
    const request = this.#requests.get(req);
    if (request === undefined) return undefined;
    this.#forget(req);
    // Where they differ its end was not seen, and the address is another request's.
    return request.ctx === ctx && request.userData === userData ? request.value : undefined;
  }

  /** The value of a request that has one result of `more`, or its last one, where the kernel does not say which it is. */
  endNamed({ ctx, userData }: Omit<RingRequest, "req">, more: boolean): T | undefined {
    const request = this.#named.get(ctx)?.get(userData);
    if (request === undefined) return undefined;
    if (!more) this.#forget(request.req);
    return request.value;
  }

  #forget(req: number | bigint): void {
    const request = this.#requests.get(req);
    if (request === undefined) return;
    this.#requests.delete(req);
    const ring = this.#named.get(request.ctx);
    if (ring?.get(request.userData) !== request) return;
    ring.delete(request.userData);
    if (ring.size === 0) this.#named.delete(request.ctx);
  }
}
