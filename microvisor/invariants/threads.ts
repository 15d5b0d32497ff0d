// Threads: what state each is in agrees with who knows it, and with the queue that it is in.

import { context as contextFields } from '../../hw/engine/layout.ts';
import { maxPriority } from '../abi/limits.ts';
import type { Kernel } from '../kernel.ts';
import { capType, Tcb, tcbSlot, threadState } from '../objects.ts';
import { isRunnable, isSchedulable } from '../scheduler.ts';
import type { Inventory } from './inventory.ts';
import { nameOf, nameOfSlot, nameOfState } from './names.ts';
import { nameOfQueue, type Queued, type QueueOwner } from './queue.ts';
import { violated } from './violation.ts';

const rule = 'thread';

export function checkThread(kernel: Kernel, tcb: Tcb, queued: Queued, inventory: Inventory): void {
  checkState(kernel, tcb, queued.get(tcb));
  checkBindings(tcb, inventory);
  checkSlots(tcb);
  const { priority, maxControlledPriority, domain, affinity } = tcb;
  if (
    !(priority >= 0 && priority <= maxPriority && maxControlledPriority >= 0 && maxControlledPriority <= maxPriority)
  ) {
    violated(rule, `${nameOf(tcb)} has priority ${priority} of ${maxControlledPriority}`);
  }
  if (domain >= kernel.config.numDomains || kernel.nodes[affinity] === undefined) {
    violated(rule, `${nameOf(tcb)} is in domain ${domain} on core ${affinity}`);
  }
}

/** Every state has its queue, or none. */
function checkState(kernel: Kernel, tcb: Tcb, queue: QueueOwner | undefined): void {
  const { state, blockingObject, replyObject } = tcb;
  const isCurrent = kernel.nodes[tcb.affinity]?.current === tcb;
  switch (state) {
    case threadState.blockedOnSend:
    case threadState.blockedOnReceive:
    case threadState.blockedOnNotification:
      if (blockingObject === null || queue !== blockingObject) {
        violated(
          rule,
          `${nameOf(tcb)} is ${nameOfState(tcb)} on ${nameOf(blockingObject)}, and in ${nameOfQueue(queue)}`,
        );
      }
      break;
    case threadState.running:
    case threadState.restart:
      if (isSchedulable(tcb) && !isCurrent && !tcb.queued)
        violated(rule, `${nameOf(tcb)} can run and is in no ready queue`);
      if (tcb.fault !== null) violated(rule, `${nameOf(tcb)} is ${nameOfState(tcb)} in spite of a fault`);
      break;
    case threadState.blockedOnReply:
      if (replyObject?.tcb !== tcb) violated(rule, `${nameOf(tcb)} waits for a reply that is not for it`);
      break;
    case threadState.waitingForInterrupt:
      if (tcb.vcpu === null) violated(rule, `${nameOf(tcb)} waits for an interrupt and is no virtual hart`);
      break;
    case threadState.idle:
      violated(rule, `${nameOf(tcb)} is idle`);
      break;
    default:
      break;
  }
  if (queue === undefined && (tcb.prev !== null || tcb.next !== null || tcb.queued || tcb.inReleaseQueue)) {
    violated(rule, `${nameOf(tcb)} is ${nameOfState(tcb)}, in no queue, and has links of one`);
  }
  if (isCurrent && (tcb.queued || tcb.inReleaseQueue))
    violated(rule, `${nameOf(tcb)} runs and is in ${nameOfQueue(queue)}`);
  if (tcb.inReleaseQueue && (!isRunnable(tcb) || tcb.schedContext === null || tcb.schedContext.refillMax === 0)) {
    violated(rule, `${nameOf(tcb)} is ${nameOfState(tcb)} and waits for its budget`);
  }
}

function checkBindings(tcb: Tcb, inventory: Inventory): void {
  const { schedContext, boundNotification, vcpu, yieldTo, replyObject } = tcb;
  inventory.checkAlive(schedContext, tcb);
  inventory.checkAlive(boundNotification, tcb);
  inventory.checkAlive(vcpu, tcb);
  inventory.checkAlive(yieldTo, tcb);
  inventory.checkAlive(replyObject, tcb);
  const oneSided =
    schedContext !== null && schedContext.tcb !== tcb
      ? schedContext
      : boundNotification !== null && boundNotification.boundTcb !== tcb
        ? boundNotification
        : vcpu !== null && vcpu.tcb !== tcb
          ? vcpu
          : yieldTo !== null && yieldTo.yieldFrom !== tcb
            ? yieldTo
            : replyObject !== null && replyObject.tcb !== tcb
              ? replyObject
              : null;
  if (oneSided !== null) violated('binding', `${nameOf(tcb)} refers to ${nameOf(oneSided)}, which does not know`);
  if (tcb.realm !== null && (vcpu !== null || !(tcb.realmDebt >= 0))) {
    violated('realm', `${nameOf(tcb)} is a realm's, with a debt of ${tcb.realmDebt} and ${nameOf(vcpu)}`);
  }
}

const allowed: readonly (readonly [index: number, types: readonly number[]])[] = [
  [tcbSlot.cTable, [capType.null, capType.cNode, capType.zombie]],
  [tcbSlot.vTable, [capType.null, capType.pageTable]],
  [tcbSlot.buffer, [capType.null, capType.frame]],
  [tcbSlot.faultHandler, [capType.null, capType.endpoint]],
  [tcbSlot.timeoutHandler, [capType.null, capType.endpoint]],
];
function checkSlots(tcb: Tcb): void {
  for (const [index, types] of allowed) {
    const slot = tcb.slots.slot(index);
    if (!types.includes(slot.cap.type)) violated(rule, `${nameOf(tcb)} has ${nameOfSlot(slot)}`);
  }
}

/** The list of threads is that of those that exist; each has a context of its own, and what nobody has is free. */
export function checkContexts(kernel: Kernel, inventory: Inventory): void {
  const { layout } = kernel.machine.memory;
  const owners = new Map<number, Tcb | null>();
  for (const slot of kernel.freeContexts) {
    if (owners.has(slot)) violated('context', `context ${slot} is free twice`);
    owners.set(slot, null);
  }
  for (const tcb of kernel.threads) {
    inventory.checkAlive(tcb, 'the list of threads');
    const slot = (tcb.context.base - layout.contexts) / contextFields.size;
    const owner = owners.get(slot);
    if (owner !== undefined)
      violated('context', `${nameOf(tcb)} and ${owner === null ? 'nobody' : nameOf(owner)} have context ${slot}`);
    owners.set(slot, tcb);
  }
  let threads = 0;
  for (const object of inventory.objects) if (object instanceof Tcb) threads++;
  if (threads !== kernel.threads.length) {
    violated('thread', `${threads} have capabilities, ${kernel.threads.length} are in the list of threads`);
  }
  const all = kernel.unusedContext - kernel.nodes.length;
  if (owners.size !== all) violated('context', `${owners.size} of ${all} are free or in use`);
}
