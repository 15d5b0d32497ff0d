// Hart lists: which harts a call names (SBI spec, Hart list parameter).

/** All bits set: "all available harts" as a base. */
const everyHart = (1n << 64n) - 1n;

/**
 * The harts that `mask`, shifted to begin at `base`, names among harts 0 to `harts - 1`, ascending. undefined: at least
 * one doesn't exist (SBI_ERR_INVALID_PARAM). A base that no set bit lands on need not exist.
 */
export function hartList(harts: number, mask: bigint, base: bigint): number[] | undefined {
  const named: number[] = [];
  if (base === everyHart) {
    for (let hart = 0; hart < harts; hart++) named.push(hart);
    return named;
  }
  for (let bit = 0n; mask >> bit !== 0n; bit++) {
    if (((mask >> bit) & 1n) === 0n) continue;
    if (base + bit >= BigInt(harts)) return undefined;
    named.push(Number(base + bit));
  }
  return named;
}
