// Bugs in scheduling.

import type { Plant } from '../plant.ts';

const scheduling = 'tests/microvisor/scheduling.test.ts';
const windows = 'tests/microvisor/windows.test.ts';
const vcpu = 'tests/microvisor/vcpu.test.ts';

export const schedulingPlants: readonly Plant[] = [
  {
    name: 'thirty-one is more urgent than thirty-two',
    file: 'microvisor/scheduler.ts',
    find: 'const word = 31 - Math.clz32(words);',
    replace: 'const word = 31 - Math.clz32(words & -words);',
    foundBy: [{ file: scheduling, test: 'the highest-priority runnable thread runs at every decision point' }],
  },
  {
    name: 'a thread that becomes ready runs whatever else is ready',
    file: 'microvisor/scheduler.ts',
    find: 'if (mayBeOutranked && candidate.priority < highestPriority(node, node.domain)) {',
    replace: 'if (mayBeOutranked && candidate.priority < 0) {',
    foundBy: [{ file: scheduling, test: 'the highest-priority runnable thread runs at every decision point' }],
  },
  {
    name: 'a lowered priority does not end a turn',
    file: 'microvisor/tcb.ts',
    find: `    enqueue(kernel, tcb);
    rescheduleRequired(kernel);`,
    replace: '    enqueue(kernel, tcb);',
    foundBy: [{ file: scheduling, test: 'the highest-priority runnable thread runs at every decision point' }],
  },
  {
    name: 'whoever has had its slice is the next again',
    file: 'microvisor/budget.ts',
    find: '    enqueue(kernel, node.current, append);',
    replace: '    enqueue(kernel, node.current);',
    foundBy: [{ file: scheduling, test: 'equals share round-robin' }],
  },
  {
    name: 'a thread that is preempted loses its turn',
    file: 'microvisor/scheduler.ts',
    find: 'if (wasRunnable) enqueue(kernel, node.current);',
    replace: 'if (wasRunnable) enqueue(kernel, node.current, append);',
    foundBy: [{ file: scheduling, test: 'equals share round-robin' }],
  },
  {
    name: 'a budget ends a tick late',
    file: 'microvisor/scheduler.ts',
    find: 'let deadline = node.time + refillHead(node.current.schedContext!).amount;',
    replace: 'let deadline = node.time + refillHead(node.current.schedContext!).amount + 1;',
    foundBy: [{ file: scheduling, test: 'a budget throttles exactly at its tick and replenishes exactly on time' }],
  },
  {
    name: 'a budget comes back a tick early',
    file: 'microvisor/sporadic.ts',
    find: '      head.time += sc.period;',
    replace: '      head.time += sc.period - 1;',
    foundBy: [{ file: scheduling, test: 'a budget throttles exactly at its tick and replenishes exactly on time' }],
  },
  {
    name: 'a context that is bound again has its budget at once',
    file: 'microvisor/sched-context.ts',
    find: `  unblockCheck(kernel, sc);
  schedContextResume`,
    replace: `  if (isActive(sc)) sc.refills[sc.refillHead]!.time = kernel.node.time;
  schedContextResume`,
    foundBy: [{ file: scheduling, test: 'restart or resume cannot refill a budget early' }],
  },
  {
    name: 'new parameters refill the budget of a thread that runs',
    file: 'microvisor/sched-context.ts',
    find: '    refillUpdate(kernel, sc, period, budget, maxRefills);',
    replace: '    refillNew(kernel, sc, maxRefills, budget, period);',
    foundBy: [{ file: scheduling, test: 'restart or resume cannot refill a budget early' }],
  },
  {
    name: 'a resumed thread runs without budget',
    file: 'microvisor/sched-context.ts',
    find: '  if (!(refillReady(kernel, sc) && refillSufficient(kernel, sc, 0))) postpone(kernel, sc);',
    replace: '',
    foundBy: [{ file: scheduling, test: 'restart or resume cannot refill a budget early' }],
  },
  {
    name: 'a call does not take its context along',
    file: 'microvisor/reply.ts',
    find: '  schedContextDonate(kernel, donated, callee);',
    replace: '',
    foundBy: [
      { file: scheduling, test: "a passive server runs on its caller's time and gives it back on death" },
      { file: scheduling, test: 'donation chains unwind in order' },
    ],
  },
  {
    name: 'an answered call does not give the donated context back',
    file: 'microvisor/reply.ts',
    find: 'if (tcb.schedContext === null) schedContextDonate(kernel, sc, tcb);',
    replace: '',
    foundBy: [
      { file: scheduling, test: 'donation chains unwind in order' },
      { file: scheduling, test: "a passive server runs on its caller's time and gives it back on death" },
    ],
  },
  {
    name: 'a deleted reply object keeps what was donated',
    file: 'microvisor/deletion.ts',
    find: 'if (tcb.state === threadState.blockedOnReply) replyRemove(kernel, cap.reply, tcb);',
    replace: 'if (tcb.state === threadState.blockedOnReply) replyRemoveTcb(kernel, tcb);',
    foundBy: [{ file: scheduling, test: "a passive server runs on its caller's time and gives it back on death" }],
  },
  {
    name: 'a chain of calls forgets all but the last',
    file: 'microvisor/reply.ts',
    find: `  reply.prev = below;
`,
    replace: '',
    foundBy: [{ file: scheduling, test: 'donation chains unwind in order' }],
  },
  {
    name: 'a virtual timer set before the beginning of time never fires',
    file: 'microvisor/vcpu.ts',
    find: '  if (at <= 0n) return 0;',
    replace: '  if (at <= 0n) return Infinity;',
    foundBy: [{ file: vcpu, test: 'a timer set in the past fires at once' }],
  },
  {
    name: 'a window begins as soon as the one before is through',
    file: 'microvisor/windows.ts',
    find: '    port.clocks[node.id]! += early;',
    replace: '    port.clocks[node.id]! += 0;',
    foundBy: [{ file: windows, test: 'domain windows start and end on time, overruns are reported' }],
  },
  {
    name: 'a window is longer by its guard',
    file: 'microvisor/windows.ts',
    find: 'if (node.domainTime > 0 && node.windowEnd > now) break;',
    replace: 'node.domainTime = Math.max(0, node.windowEnd - node.time);\n    if (node.windowEnd > now) break;',
    foundBy: [{ file: windows, test: 'domain windows start and end on time, overruns are reported' }],
  },
  {
    name: 'an overrun is not counted',
    file: 'microvisor/windows.ts',
    find: '  node.overruns++;',
    replace: '',
    foundBy: [{ file: windows, test: 'domain windows start and end on time, overruns are reported' }],
  },
  ...[
    {
      name: 'the fast path is never taken',
      find: 'if (number !== systemCall.call && number !== systemCall.replyRecv) return false;',
      replace: 'return false;',
    },
    {
      name: 'the fast path overlooks that the timer is about to go off',
      find: 'now + minBudget * cyclesPerTick < deadlines[node.id]! &&',
      replace: '',
    },
    {
      name: 'the fast path overlooks a budget that the thread has cut down itself',
      find: 'refillSufficient(kernel, node.currentSchedContext, used)',
      replace: 'used >= 0',
    },
    {
      name: 'the fast path overtakes a more urgent thread',
      find: 'tcb.priority >= highestPriority(node, tcb.domain)',
      replace: 'tcb.priority >= 0',
    },
  ].map(
    (plant): Plant => ({
      ...plant,
      file: 'microvisor/fast-path.ts',
      foundBy: [{ file: 'tests/microvisor/fast-path.test.ts', test: 'with a domain that takes its turns' }],
    }),
  ),
];
