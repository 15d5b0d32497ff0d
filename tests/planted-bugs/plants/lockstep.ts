// Bugs that the specification finds by running in lockstep with the kernel, and that show nowhere at once.

import type { Finder, Plant } from '../plant.ts';

const folder = 'tests/microvisor/lockstep';
const random: Finder[] = [{ file: `${folder}/random.test.ts`, test: 'in one domain, most of which succeed' }];
const exhaustive = (test: string): Finder[] => [{ file: `${folder}/exhaustive.test.ts`, test }];

export const lockstepPlants: readonly Plant[] = [
  {
    name: 'the first capability with a badge takes the mark of its family along when it goes',
    file: 'microvisor/cspace/derivation.ts',
    find: 'next.firstBadged ||= slot.firstBadged;',
    replace: '',
    foundBy: exhaustive('of any calls that give badges and take them back'),
  },
  {
    name: 'a copy of an untyped leaves the original its memory',
    file: 'microvisor/cspace/derivation.ts',
    find: 'if (cap.type === capType.untyped) source.cap = { ...cap, watermark: capSize(cap) };',
    replace: '',
    foundBy: exhaustive('of three calls that make, move and delete capabilities, in two CNodes'),
  },
  {
    name: 'a call that ends in the middle of a stack leaves the stack whole',
    file: 'microvisor/reply.ts',
    find: 'if (reply.next instanceof Reply) reply.next.prev = null;',
    replace: 'if (reply.next instanceof Reply) reply.next.prev = reply.prev;',
    foundBy: exhaustive('of three calls while passive servers wait for one another'),
  },
  {
    name: 'a caller that was given another context gets the donated one back as well',
    file: 'microvisor/reply.ts',
    find: 'if (tcb.schedContext === null) schedContextDonate(kernel, sc, tcb);',
    replace: 'schedContextDonate(kernel, sc, tcb);',
    foundBy: exhaustive('of three calls while passive servers wait for one another'),
  },
  {
    name: 'a thread keeps its place in an endpoint when its priority changes',
    file: 'microvisor/tcb.ts',
    find: 'reorder(tcb.blockingObject!.queue, tcb);',
    replace: 'if (tcb.state === threadState.blockedOnNotification) reorder(tcb.blockingObject!.queue, tcb);',
    foundBy: random,
  },
  {
    name: 'a woken thread of equal priority takes over at once',
    file: 'microvisor/scheduler.ts',
    find: 'wasRunnable && candidate.priority === node.current.priority',
    replace: 'wasRunnable && candidate.priority < node.current.priority',
    foundBy: exhaustive('of three calls between two threads and a passive one'),
  },
  {
    name: 'a refill that touches the one before it stays apart',
    file: 'microvisor/sporadic.ts',
    find: 'if (tail.time + tail.amount >= time) {',
    replace: 'if (tail.time + tail.amount > time) {',
    foundBy: exhaustive('of four calls that hand out time'),
  },
  {
    name: 'a badge that arrives instead of a capability is not announced',
    file: 'microvisor/transfer.ts',
    find: 'unwrapped |= 1 << count;',
    replace: 'unwrapped |= count;',
    foundBy: random,
  },
  {
    name: 'a lookup that stops early says how many bits it used, not how many are left',
    file: 'microvisor/cspace/lookup.ts',
    find: 'bitsFound: levelBits, bitsLeft: left }',
    replace: 'bitsFound: left, bitsLeft: levelBits }',
    foundBy: random,
  },
  {
    name: 'SetSchedParams looks at the fault handler before the scheduling context',
    file: 'microvisor/syscalls/tcb-invocation.ts',
    find: `  if (sc instanceof SyscallError) return sc;
  const handler = decodeHandler(invocation, 2, tcbSlot.faultHandler, 3);
  if (handler instanceof SyscallError) return handler;
`,
    replace: `  const handler = decodeHandler(invocation, 2, tcbSlot.faultHandler, 3);
  if (handler instanceof SyscallError) return handler;
  if (sc instanceof SyscallError) return sc;
`,
    foundBy: random,
  },
  {
    name: 'a yielder learns of the time of the other while that still runs',
    file: 'microvisor/yield-to.ts',
    find: 'yielder.yieldTo = sc;',
    replace: '',
    foundBy: exhaustive('of four calls that hand out time'),
  },
];
