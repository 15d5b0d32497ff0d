// What must hold whenever the kernel is left. A sweep throws an InvariantError at the first thing that doesn't; tests run one after
// every entry.

import type { TranslationCache } from '../../hw/engine/translation-cache.ts';
import type { Kernel } from '../kernel.ts';
import { Endpoint, Notification, Reply, SchedContext, Tcb } from '../objects.ts';
import { checkCachedTranslations } from './cached-translations.ts';
import { checkCapabilities } from './capabilities.ts';
import { checkDerivationTree } from './derivation-tree.ts';
import { Inventory } from './inventory.ts';
import { checkFreeMemory, checkMemory } from './memory.ts';
import { checkNodes } from './nodes.ts';
import { checkPageTables } from './page-tables.ts';
import type { Queued } from './queue.ts';
import { checkReply } from './replies.ts';
import { checkSchedContext } from './sched-contexts.ts';
import { checkContexts, checkThread } from './threads.ts';
import { checkVcpu } from './vcpus.ts';
import { checkEndpoint, checkNotification } from './waiting.ts';

/** `caches`: those of the machine's engine, if it has one. */
export function checkInvariants(kernel: Kernel, caches: readonly TranslationCache[] = []): void {
  const inventory = new Inventory(kernel);
  const order = checkDerivationTree(inventory.slots);
  checkMemory(kernel, order);
  checkCapabilities(kernel, inventory);
  checkContexts(kernel, inventory);
  checkObjects(kernel, inventory);
  checkPageTables(kernel, inventory);
  for (const cache of caches) checkCachedTranslations(kernel, cache);
}

function checkObjects(kernel: Kernel, inventory: Inventory): void {
  const queued: Queued = new Map();
  checkNodes(kernel, queued);
  for (const { current, idle, virtualTimers } of kernel.nodes) {
    if (current !== idle) inventory.checkAlive(current, 'a hart');
    for (const tcb of virtualTimers) inventory.checkAlive(tcb, 'a queue of virtual timers');
  }
  // Queues first: what they hold is compared with what the threads say.
  for (const object of inventory.objects) {
    if (object instanceof Endpoint) checkEndpoint(object, queued);
    else if (object instanceof Notification) checkNotification(object, queued, inventory);
  }
  for (const tcb of queued.keys()) inventory.checkAlive(tcb, 'a queue');
  for (const object of inventory.objects) {
    if (object instanceof Tcb) checkThread(kernel, object, queued, inventory);
    else if (object instanceof Reply) checkReply(object, inventory);
    else if (object instanceof SchedContext) checkSchedContext(kernel, object, inventory);
    else if (!(object instanceof Endpoint || object instanceof Notification)) checkVcpu(kernel, object, inventory);
  }
}

/** A tenth of a sweep: the harts and their queues. */
export function checkHarts(kernel: Kernel): void {
  checkNodes(kernel, new Map());
}

/** What no sweep looks at, because it takes as long as a thousand: free memory is empty. */
export function checkEmptiness(kernel: Kernel): void {
  checkFreeMemory(kernel, new Inventory(kernel).slots);
}
