import { expect, test } from 'vitest';
import { resetContext } from '../../../hw/hart/reset.ts';
import { Machine } from '../../../hw/machine/machine.ts';

const ram = 0x8000_0000;
const ecall = Uint8Array.of(0x73, 0, 0, 0);

test('ecall calls the environment with the cause of the mode, and no details', () => {
  const causes = [
    [3, false],
    [1, false],
    [0, false],
    [1, true],
    [0, true],
  ].map(([privilege, virtual]) => {
    const machine = new Machine({ harts: 1, ramSize: 0x1_0000 });
    machine.writeMemory(ram, ecall);
    const hart = machine.harts[0]!;
    resetContext(hart.context, {
      pc: BigInt(ram),
      privilege: privilege as number,
      virtual: virtual as boolean,
      supervisor: 'HS',
    });
    hart.raise(0, 1n, { tval2: 2n, tinst: 3n, gva: true });
    let seen: unknown[] = [];
    machine.onTrap = (_hart, cause) => {
      seen = [cause, hart.context.pc, hart.tval, hart.tval2, hart.tinst, hart.gva];
      machine.stop();
    };
    machine.run(1);
    expect(seen.slice(1)).toEqual([BigInt(ram), 0n, 0n, 0n, false]);
    return seen[0];
  });
  expect(causes).toEqual([11, 9, 8, 10, 8]);
});
