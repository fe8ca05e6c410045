/**
 * Makes a function that tells whether `(field & mask) == constant` for an integer of a size. Fields are compared by their
 * bits, as two's complement, so that signs play no part.
 */
export function compileMask(
  mask: number | bigint,
  constant: number | bigint,
  bits: 8 | 16 | 32 | 64,
): (field: number | bigint) => boolean {
  const wideMask = BigInt.asUintN(bits, BigInt(mask));
  const wide = BigInt.asUintN(bits, BigInt(constant));
  const testWide = (field: bigint) => (field & wideMask) === wide;
  // `&` of numbers takes the lower 32 bits, whatever the number's size and sign.
  const [lowMask, low] = [Number(BigInt.asIntN(32, wideMask)), Number(BigInt.asIntN(32, wide))];
  const [highMask, high] = [Number(BigInt.asIntN(32, wideMask >> 32n)), Number(BigInt.asIntN(32, wide >> 32n))];
  if (highMask === 0) {
    if (high !== 0) return () => false;
    return (field) => (typeof field === "number" ? (field & lowMask) === low : testWide(field));
  }
  return (field) =>
    typeof field === "number"
      ? (field & lowMask) === low && (Math.floor(field / 0x1_0000_0000) & highMask) === high
      : testWide(field);
}
