/** Whether tests run as often, and for as long, as what they show is claimed for: see CONTRIBUTING.md. */
export const full = process.env.KERNSCOPE_FULL === "1";

/** How often something is done: `some` times in a common run. */
export function times(some: number, all: number): number {
  return full ? all : some;
}
