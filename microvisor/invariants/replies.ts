// Reply objects and the call stacks that they form: from a scheduling context down the calls along which it was donated.

import { Reply, SchedContext, threadState } from '../objects.ts';
import type { Inventory } from './inventory.ts';
import { nameOf, nameOfState } from './names.ts';
import { violated } from './violation.ts';

const rule = 'call stack';

export function checkReply(reply: Reply, inventory: Inventory): void {
  const { tcb, next, prev } = reply;
  inventory.checkAlive(tcb, reply);
  inventory.checkAlive(next, reply);
  inventory.checkAlive(prev, reply);
  if (tcb !== null) {
    if (tcb.replyObject !== reply) violated('reply', `${nameOf(reply)} is for ${nameOf(tcb)}, which does not know`);
    const { state } = tcb;
    if (state !== threadState.blockedOnReply && state !== threadState.blockedOnReceive) {
      violated('reply', `${nameOf(reply)} is for ${nameOf(tcb)}, which is ${nameOfState(tcb)}`);
    }
  }
  if (next === null && prev === null) return;
  if (tcb?.state !== threadState.blockedOnReply) violated(rule, `nobody waits for ${nameOf(reply)}, which is in one`);
  if (prev !== null && prev.next !== reply)
    violated(rule, `${nameOf(reply)} is on top of ${nameOf(prev)}, which does not know`);
  if (next instanceof Reply && next.prev !== reply) {
    violated(rule, `${nameOf(reply)} is below ${nameOf(next)}, which does not know`);
  }
  if (next instanceof SchedContext && next.reply !== reply) {
    violated(rule, `${nameOf(reply)} is on top for ${nameOf(next)}, which does not know`);
  }
}

/** The stack of a context ends. */
export function checkCallStack(sc: SchedContext, inventory: Inventory): void {
  inventory.checkAlive(sc.reply, sc);
  if (sc.reply !== null && sc.reply.next !== sc) violated(rule, `${nameOf(sc.reply)} is not on top for ${nameOf(sc)}`);
  let depth = 0;
  for (let reply = sc.reply; reply !== null; reply = reply.prev) {
    if (++depth > inventory.objects.size) violated(rule, `that of ${nameOf(sc)} is a circle`);
  }
}
