// What tests see of a scheduling context: its refills from head to tail.

import type { Refill, SchedContext } from '../../microvisor/objects.ts';

export function refillsOf({ refills, refillHead, refillTail, refillMax }: SchedContext): Refill[] {
  if (refillMax === 0) return [];
  const count = ((refillTail - refillHead + refillMax) % refillMax) + 1;
  return Array.from({ length: count }, (_, i) => refills[(refillHead + i) % refillMax]!);
}
