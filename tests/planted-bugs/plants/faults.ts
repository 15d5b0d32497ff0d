// Bugs in faults.

import type { Plant } from '../plant.ts';

const faults = 'tests/microvisor/faults.test.ts';
const system = 'tests/boot/system.test.ts';

export const faultPlants: readonly Plant[] = [
  {
    name: 'a fetch that faults is told as a load',
    file: 'microvisor/supervisor.ts',
    find: 'instruction: fsr === exceptions.instructionAccessFault',
    replace: 'instruction: false',
    foundBy: [{ file: faults, test: 'read, write and execute faults report address, pc and cause' }],
  },
  {
    name: 'a memory fault is told at address zero',
    file: 'microvisor/faults.ts',
    find: '[faultIp(tcb), fault.address, fault.instruction ? 1n : 0n,',
    replace: '[faultIp(tcb), 0n, fault.instruction ? 1n : 0n,',
    foundBy: [{ file: faults, test: 'read, write and execute faults report address, pc and cause' }],
  },
  {
    name: 'a memory fault is told at the next instruction',
    file: 'microvisor/faults.ts',
    find: '[faultIp(tcb), fault.address, fault.instruction ? 1n : 0n,',
    replace: '[faultIp(tcb) + 4n, fault.address, fault.instruction ? 1n : 0n,',
    foundBy: [{ file: faults, test: 'read, write and execute faults report address, pc and cause' }],
  },
  {
    name: 'every exception is told as an illegal instruction',
    file: 'microvisor/supervisor.ts',
    find: '{ type: faultType.userException, number: cause, code: 0 }',
    replace: '{ type: faultType.userException, number: 2, code: 0 }',
    foundBy: [{ file: faults, test: 'illegal instruction, misaligned access and unknown system call are distinct' }],
  },
  {
    name: 'an unknown system call is told as an exception',
    file: 'microvisor/syscalls/system-call.ts',
    find: 'handleFault(kernel, thread, { type: faultType.unknownSyscall, number: BigInt.asUintN(64, number) });',
    replace: 'handleFault(kernel, thread, { type: faultType.userException, number: 8, code: 0 });',
    foundBy: [{ file: faults, test: 'illegal instruction, misaligned access and unknown system call are distinct' }],
  },
  {
    name: 'a stack is one page longer than planned',
    file: 'tools/plan/build.ts',
    find: `const stackAt = nativeLayout.stackTop - cell.stack;
  const stack = builder.frames(\`\${name}.stack\`, cell.stack, owner`,
    replace: `const stackAt = nativeLayout.stackTop - cell.stack - pageBytes;
  const stack = builder.frames(\`\${name}.stack\`, cell.stack + pageBytes, owner`,
    foundBy: [{ file: system, test: 'a stack overflow hits the guard page, not a neighbour' }],
  },
  {
    name: 'a fault in a handler is sent to the handler itself',
    file: 'microvisor/fault-handler.ts',
    find: 'const handler = tcb.slots.slot(tcbSlot.faultHandler).cap;',
    replace: `const own = tcb.replyObject?.tcb ?? tcb;
  const handler = (kernel.threads.find((other) => other.priority < own.priority && other.fault) ?? tcb).slots.slot(tcbSlot.faultHandler).cap;`,
    foundBy: [{ file: faults, test: 'a fault while handling a fault escalates once and never loops' }],
  },
  {
    name: 'a faulted thread goes on as if nothing had been',
    file: 'microvisor/endpoint.ts',
    find: '  if (options.isCall || tcb.fault !== null) {',
    replace: '  if (options.isCall) {',
    foundBy: [{ file: faults, test: 'a fault while handling a fault escalates once and never loops' }],
  },
  {
    name: 'revoking an untyped takes what was made before it',
    file: 'microvisor/cspace/capability.ts',
    find: 'return base >= a.address && base + capSize(b)',
    replace: 'return base >= 0 && base + capSize(b)',
    foundBy: [{ file: faults, test: 'only a supervisor can stop, resume or restart a cell' }],
  },
  {
    name: 'a timeout fault carries no data word',
    file: 'microvisor/faults.ts',
    find: '[fault.badge, schedContextUpdateConsumed(kernel, tcb.schedContext)]',
    replace: '[0n, schedContextUpdateConsumed(kernel, tcb.schedContext)]',
    foundBy: [{ file: faults, test: 'timeout faults carry the data word' }],
  },
];
