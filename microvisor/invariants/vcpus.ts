// Virtual harts: the binding to a thread is mutual, and one that waits for its timer is in the queue of a hart.

import { findVSpaceForASID } from '../address-space.ts';
import type { Kernel } from '../kernel.ts';
import type { Vcpu } from '../objects.ts';
import type { Inventory } from './inventory.ts';
import { nameOf } from './names.ts';
import { violated } from './violation.ts';

const rule = 'virtual hart';

export function checkVcpu(kernel: Kernel, vcpu: Vcpu, inventory: Inventory): void {
  const { tcb, root, wakeAt } = vcpu;
  inventory.checkAlive(tcb, vcpu);
  if ((tcb === null) !== (root === null)) {
    violated(rule, `${nameOf(vcpu)} is bound to ${nameOf(tcb)} with ASID ${root?.asid}`);
  }
  if (tcb !== null && tcb.vcpu !== vcpu)
    violated(rule, `${nameOf(vcpu)} is bound to ${nameOf(tcb)}, which does not know`);
  if (root !== null && root.asid !== 0) {
    const named = findVSpaceForASID(kernel, root.asid);
    if (named?.address !== root.address || named.guestLevels !== root.guestLevels)
      violated(rule, `${nameOf(vcpu)} has a root that ASID ${root.asid} does not stand for`);
  }
  if (root !== null && root.guestLevels === 0)
    violated(rule, `${nameOf(vcpu)} runs over a table that is no guest root`);
  const waits = kernel.nodes.filter(({ virtualTimers }) => tcb !== null && virtualTimers.includes(tcb)).length;
  if (waits !== (wakeAt === Infinity ? 0 : 1)) {
    violated(rule, `${nameOf(vcpu)} is to be woken at ${wakeAt}, and waits in ${waits} queues`);
  }
}
