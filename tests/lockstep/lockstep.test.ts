// Lockstep must find what differs, and say where: one of two machines is given a mistake.

import { describe, expect, test } from 'vitest';
import type { InstructionObserver, Machine } from '../../hw/machine/machine.ts';
import { bareInLockstep } from '../../tools/lockstep/bare.ts';
import { describeVerdict } from '../../tools/lockstep/report.ts';
import { BareBench, program } from '../bare/bare-bench.ts';

const counting = `
_start:
    li s0, 0
    li s1, 20000
    la s2, cell
1:  addi s0, s0, 3
    slli t0, s0, 1
    xor s3, s3, t0
    sd s3, 0(s2)
    addi s1, s1, -1
    bnez s1, 1b
    li t0, 0x100000
    li t1, 0x5555
    sw t1, 0(t0)
2:  j 2b
    .balign 8
cell:
    .dword 0
`;

/** Does something once, after so many instructions. */
function onceAfter(instructions: number, act: () => unknown): InstructionObserver['after'] {
  let left = instructions;
  return () => {
    if (--left === 0) act();
  };
}

/** Runs a program on two machines; the one that translates has the mistake. */
function compare(source: string, mistake?: (machine: Machine) => InstructionObserver['after']) {
  const elf = program(source);
  return bareInLockstep(
    (more) => {
      const { bare, machine } = new BareBench({ elf }, more);
      if (mistake && more.translator !== false) machine.onInstruction = { before: () => {}, after: mistake(machine) };
      return bare;
    },
    { limit: Infinity, seed: 1, translator: {} },
  );
}

describe('lockstep', () => {
  test('says that two machines agree, how many instructions that took, and how the program ended', () => {
    const verdict = compare(counting);
    expect(verdict).toEqual({ agreed: true, instructions: expect.any(Number), reason: 'stopped' });
    expect(verdict.agreed && verdict.instructions).toBeGreaterThan(120_000);
    expect(describeVerdict('program', verdict)).toMatch(/^agree +12\d{4} instructions {2}program: the program ended$/);
  });

  test('names the instruction and the cycle of a wrong result, and the register', () => {
    const verdict = compare(counting, () => {
      let count = 0;
      return (hart, _pc, word) => {
        if (word === 0x00141293 && ++count % 13_000 === 0) hart.context.setX(5, hart.context.x(5) ^ 4n);
      };
    });
    if (verdict.agreed) throw new Error('they agree');
    expect(verdict.to).toBe(verdict.from + 1);
    expect(verdict.differences[0]).toMatchObject({ hart: 0, what: 't0', left: '0x130b0', right: '0x130b4' });
    expect(describeVerdict('program', verdict)).toMatch(/^ +> .* M {3}slli t0, s0, 1 +t0=130b0$/m);
  });

  test('names a wrong word of memory that no register shows', () => {
    const verdict = compare(counting, (machine) =>
      onceAfter(70_001, () => machine.writeMemory(0x8010_0000, Uint8Array.of(0, 0, 0, 9))),
    );
    if (verdict.agreed) throw new Error('they agree');
    expect(verdict).toMatchObject({ from: 70_000, to: 70_001 });
    expect(verdict.differences).toEqual([
      { hart: undefined, what: 'memory 0x80100000', left: '0x0', right: '0x9000000' },
    ]);
  });

  test('notices a cycle that is not counted', () => {
    const verdict = compare(counting, (machine) => onceAfter(50_000, () => machine.clocks[0]!++));
    expect(verdict).toMatchObject({ agreed: false, from: 49_999, to: 50_000 });
  });

  test('notices that a program ends in another way', () => {
    const ending = counting.replace('li t1, 0x5555', 'li t1, 0x13333');
    let first = true;
    const elves = [counting, ending].map((source) => program(source));
    const verdict = bareInLockstep(
      (more) => {
        const elf = elves[first || more.translator === false ? 0 : 1]!;
        first = false;
        return new BareBench({ elf }, more).bare;
      },
      { limit: Infinity, seed: 1, translator: {} },
    );
    expect(verdict.agreed).toBe(false);
  });
});
