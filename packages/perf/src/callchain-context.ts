/** Marks in a call chain: what follows belongs to this context (`PERF_CONTEXT_*`, include/uapi/linux/perf_event.h). */
export const CallchainContext = {
  HYPERVISOR: 0xffff_ffff_ffff_ffe0n,
  KERNEL: 0xffff_ffff_ffff_ff80n,
  USER: 0xffff_ffff_ffff_fe00n,
  GUEST: 0xffff_ffff_ffff_f800n,
  GUEST_KERNEL: 0xffff_ffff_ffff_f780n,
  GUEST_USER: 0xffff_ffff_ffff_f600n,
} as const;
