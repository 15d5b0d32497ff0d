import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resetContext } from '../../../hw/hart/reset.ts';
import { assemble } from '../../../hw/isa/assemble.ts';
import { instructions } from '../../../hw/isa/table.ts';
import { Bench, ram } from './bench.ts';

/** Words that are nearly instructions: the fixed bits of one, and anything in its fields. */
const nearlyInstruction = fc
  .tuple(fc.constantFrom(...instructions), fc.integer({ min: 0, max: 0xffff_ffff }))
  .map(([{ pattern }, bits]) => ((bits & ~pattern.mask) | pattern.match) >>> 0);
const word = fc.oneof(
  { weight: 4, arbitrary: nearlyInstruction },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff_ffff }) },
);

const bytesOf = (words: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer);

/** A handler in the middle of memory that skips what trapped, so that a program goes on. */
const handler = assemble(
  `
  csrr x30, mepc
  addi x30, x30, 4
  csrw mepc, x30
  mret
`,
  { origin: ram + 0x8000n },
).bytes;

const programs = 10_000;

describe('a program of random instructions', () => {
  it(`runs without an error of the host and within its budget: ${programs} programs on two harts`, () => {
    const bench = new Bench('j .', { harts: 2, lookaheadNs: 100 });
    const { machine } = bench;
    const registers = fc.array(fc.bigInt(0n, (1n << 64n) - 1n), { minLength: 4, maxLength: 4 });
    let ran = 0;
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 24 }),
        registers,
        fc.constantFrom(0, 1, 3),
        fc.boolean(),
        (words, values, privilege, virtual) => {
          machine.writeMemory(Number(ram), bytesOf(words));
          machine.writeMemory(Number(ram) + 0x8000, handler);
          let start = 0;
          for (const hart of machine.harts) {
            resetContext(hart.context, { pc: ram, privilege, virtual, supervisor: 'HS' });
            hart.context.setCsr('medeleg', 0n);
            hart.context.setCsr('mtvec', ram + 0x8000n);
            for (let index = 1; index < 32; index++) {
              const near = ram + BigInt(index * 128) + (values[index & 3]! & 0xfffn);
              hart.context.setX(index, index & 4 ? BigInt.asIntN(64, values[index & 3]!) : near);
            }
            start = Math.max(start, machine.cycles(hart));
          }
          const reason = machine.run(start + 120);
          expect(['limit', 'idle', 'stopped']).toContain(reason);
          ran++;
        },
      ),
      { numRuns: programs },
    );
    expect(ran).toBeGreaterThanOrEqual(programs);
  });
});
