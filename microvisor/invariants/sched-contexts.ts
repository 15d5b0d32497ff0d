// Scheduling contexts: budgets are conserved, refills come in order and within one period, bindings are mutual.

import { minRefills, sizeBits } from '../abi/limits.ts';
import type { Kernel } from '../kernel.ts';
import type { Refill, SchedContext } from '../objects.ts';
import { refillAbsoluteMax } from '../sporadic.ts';
import type { Inventory } from './inventory.ts';
import { nameOf } from './names.ts';
import { checkCallStack } from './replies.ts';
import { violated } from './violation.ts';

export function checkSchedContext(kernel: Kernel, sc: SchedContext, inventory: Inventory): void {
  checkBindings(kernel, sc, inventory);
  checkCallStack(sc, inventory);
  if (sc.refillMax !== 0) checkRefills(kernel, sc);
}

function checkBindings(kernel: Kernel, sc: SchedContext, inventory: Inventory): void {
  const { tcb, notification, yieldFrom } = sc;
  inventory.checkAlive(tcb, sc);
  inventory.checkAlive(notification, sc);
  inventory.checkAlive(yieldFrom, sc);
  if (tcb !== null) {
    if (tcb.schedContext !== sc) violated('binding', `${nameOf(sc)} is bound to ${nameOf(tcb)}, which does not know`);
    if (tcb.affinity !== sc.core)
      violated('binding', `${nameOf(tcb)} is on core ${tcb.affinity}, ${nameOf(sc)} on ${sc.core}`);
  }
  if (notification !== null && notification.schedContext !== sc) {
    violated('binding', `${nameOf(sc)} is bound to ${nameOf(notification)}, which does not know`);
  }
  if (yieldFrom !== null && yieldFrom.yieldTo !== sc) {
    violated('binding', `${nameOf(yieldFrom)} has yielded to ${nameOf(sc)} and does not know`);
  }
  if (kernel.nodes[sc.core] === undefined) violated('binding', `${nameOf(sc)} is for core ${sc.core}`);
  if (sc.sizeBits < sizeBits.minSchedContext) violated('binding', `${nameOf(sc)} has ${sc.sizeBits} size bits`);
}

function checkRefills(kernel: Kernel, sc: SchedContext): void {
  const { refillMax, refillHead, refillTail, period, budget } = sc;
  if (refillMax < minRefills || refillMax > refillAbsoluteMax(sc) || sc.refills.length < refillMax) {
    violated('refills', `${nameOf(sc)} may have ${refillMax}, and has room for ${refillAbsoluteMax(sc)}`);
  }
  if (!(refillHead >= 0 && refillHead < refillMax && refillTail >= 0 && refillTail < refillMax)) {
    violated('refills', `those of ${nameOf(sc)} go from ${refillHead} to ${refillTail} of ${refillMax}`);
  }
  let sum = 0;
  let before: Refill | null = null;
  for (let index = refillHead; ; index = index === refillMax - 1 ? 0 : index + 1) {
    const refill = sc.refills[index]!;
    if (!(refill.amount >= 0) || !(refill.time > -Infinity)) {
      violated('refills', `one of ${nameOf(sc)} is of ${refill.amount} ticks at ${refill.time}`);
    }
    if (period !== 0 && before !== null && before.time + before.amount > refill.time) {
      violated(
        'refills',
        `one of ${nameOf(sc)} at ${before.time} of ${before.amount} ticks meets that at ${refill.time}`,
      );
    }
    sum += refill.amount;
    before = refill;
    if (index === refillTail) break;
  }
  // Periods of centuries are beyond exact arithmetic.
  if (!Number.isSafeInteger(budget) || !Number.isSafeInteger(before.time + period)) return;
  if (sum !== budget) violated('budget', `refills of ${nameOf(sc)} are ${sum} ticks, its budget is ${budget}`);
  if (budget < kernel.minBudget || (period !== 0 && budget > period)) {
    violated('budget', `${nameOf(sc)} has a budget of ${budget} ticks in ${period}`);
  }
  const head = sc.refills[refillHead]!;
  if (head.amount < kernel.minBudget)
    violated('budget', `the next refill of ${nameOf(sc)} is of ${head.amount} ticks only`);
  if (period === 0) {
    const second = refillHead === refillMax - 1 ? 0 : refillHead + 1;
    if (refillTail !== second) violated('refills', `${nameOf(sc)} is round-robin and has not two`);
  } else if (before.time > head.time + period) {
    violated(
      'refills',
      `the last of ${nameOf(sc)} is at ${before.time}, the first at ${head.time}, a period ${period}`,
    );
  }
}
