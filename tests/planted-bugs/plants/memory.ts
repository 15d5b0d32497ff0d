// Bugs in memory: mappings, address spaces, what harts keep of them.

import type { Plant } from '../plant.ts';

const memory = 'tests/microvisor/memory.test.ts';
const access = 'tests/microvisor/memory-access.test.ts';
const atomics = 'tests/hw/machine/atomics.test.ts';
const selfModifying = 'tests/hw/engine/self-modifying.test.ts';

export const memoryPlants: readonly Plant[] = [
  {
    name: 'a thread keeps the translations of the space that it has left',
    file: 'microvisor/address-space.ts',
    find: `  context.setHigh(rootRegister(tcb), rootHigh(root));
  context.bankEpoch = -1;`,
    replace: '  context.setHigh(rootRegister(tcb), rootHigh(root));',
    foundBy: [{ file: access, test: "a cell cannot read another's bytes under random probing" }],
  },
  {
    name: 'all threads run in the first address space',
    file: 'microvisor/address-space.ts',
    find: '  if (runsIn(kernel, tcb, root)) return;',
    replace: '  if (tcb.context.low(rootRegister(tcb)) !== 0) return;',
    foundBy: [{ file: access, test: "a cell cannot read another's bytes under random probing" }],
  },
  {
    name: 'unmapping fences the first hart only',
    file: 'microvisor/address-space.ts',
    find: 'for (const hart of kernel.machine.harts) hart.port.fence(scope);',
    replace: 'kernel.machine.harts[0]!.port.fence(scope);',
    foundBy: [{ file: memory, test: 'unmap is visible on all harts before it returns' }],
  },
  {
    name: 'unmapping leaves cached translations',
    file: 'microvisor/address-space.ts',
    find: `  fenceSpace(kernel, root, address);
}`,
    replace: `  if (entry !== 0n) fenceSpace(kernel, root, address);
}`,
    foundBy: [
      { file: access, test: 'a page that is unmapped is gone at once for code that runs on another hart' },
      { file: memory, test: 'unmap is visible on all harts before it returns' },
    ],
  },
  {
    name: 'every mapping can be executed',
    file: 'microvisor/syscalls/vspace-invocation.ts',
    find: '(invocation.word(2) & BigInt(vmAttribute.executeNever)) === 0n',
    replace: 'true',
    foundBy: [{ file: access, test: 'read-only and no-execute hold in both stages' }],
  },
  {
    name: 'a mapping has the rights of its capability alone',
    file: 'microvisor/syscalls/vspace-invocation.ts',
    find: 'maskVMRights(cap.rights, rightsFromWord(invocation.word(1)))',
    replace: 'maskVMRights(cap.rights, 3)',
    foundBy: [{ file: access, test: 'read-only and no-execute hold in both stages' }],
  },
  {
    name: 'a reservation outlasts the stores of another hart',
    file: 'hw/machine/machine.ts',
    find: 'if (this.lanes.length > 1) for (const { hart } of this.lanes) hart.context.dropReservation();',
    replace: '',
    foundBy: [
      {
        file: atomics,
        test: 'LR/SC and AMO are right across harts under every interleaving of up to four operations on two harts',
      },
    ],
  },
  {
    name: 'a failed store-conditional keeps the reservation',
    file: 'hw/engine/atomic-semantics.ts',
    find: `      f.set(result, zero64);
    });
    f.store('i64', context, I64.of(-1), fields.reservation);`,
    replace: `      f.set(result, zero64);
    });`,
    foundBy: [
      {
        file: atomics,
        test: 'LR/SC and AMO are right across harts under every interleaving of up to four operations on two harts',
      },
    ],
  },
  {
    name: 'an atomic operation returns what it has stored',
    file: 'hw/engine/atomic-semantics.ts',
    find: `    const old = this.loadWidth(size, host);
    this.storeWidth(size, host, next(old));
    this.atomicStored(size, host);
    return old;`,
    replace: `    const old = this.loadWidth(size, host);
    this.storeWidth(size, host, next(old));
    this.atomicStored(size, host);
    return this.loadWidth(size, host);`,
    foundBy: [
      {
        file: atomics,
        test: 'LR/SC and AMO are right across harts under every interleaving of up to four operations on two harts',
      },
    ],
  },
  {
    name: 'fused instructions outlast a store to the second of them',
    file: 'hw/engine/code-pages.ts',
    find: 'this.undecode(base, Math.max(0, first - 2), last);',
    replace: 'this.undecode(base, first + 1, last);',
    foundBy: [{ file: selfModifying, test: 'translated code notices stores to itself' }],
  },
];
