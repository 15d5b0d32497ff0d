import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromInstruction, fromTransformed, isPseudoInstruction } from '../../guests/vmm/memory-access.ts';
import { decode } from '../../hw/isa/decode.ts';
import { instructions } from '../../hw/isa/table.ts';

const accesses: Record<string, { kind: 'load' | 'store'; size: number; signed: boolean }> = {
  lb: { kind: 'load', size: 1, signed: true },
  lh: { kind: 'load', size: 2, signed: true },
  lw: { kind: 'load', size: 4, signed: true },
  ld: { kind: 'load', size: 8, signed: true },
  lbu: { kind: 'load', size: 1, signed: false },
  lhu: { kind: 'load', size: 2, signed: false },
  lwu: { kind: 'load', size: 4, signed: false },
  sb: { kind: 'store', size: 1, signed: false },
  sh: { kind: 'store', size: 2, signed: false },
  sw: { kind: 'store', size: 4, signed: false },
  sd: { kind: 'store', size: 8, signed: false },
};

/** What the machine's own decoder says of an instruction. */
function expected(word: number) {
  const decoded = decode(word);
  const access = decoded && accesses[instructions[decoded.op]!.name];
  if (!decoded || !access) return undefined;
  const register = access.kind === 'load' ? decoded.rd : decoded.rs2;
  return { kind: access.kind, size: access.size, register, length: decoded.length };
}

const found = (word: number) => {
  const access = fromInstruction(word);
  if (access === undefined) return undefined;
  const { kind, size, register, length } = access;
  return { kind, size, register, length };
};

/** A store's sign means nothing; of a load of 8 bytes both are the same. */
const signOf = (word: number) => accesses[instructions[decode(word)!.op]!.name]!.signed;

describe('the access that an instruction makes', () => {
  it('is what the machine decodes, for every 16-bit instruction', () => {
    for (let word = 0; word < 0x1_0000; word++) {
      if ((word & 3) === 3) continue;
      expect(found(word), `0x${word.toString(16)}`).toEqual(expected(word));
    }
  });

  it('is what the machine decodes, for random 32-bit instructions', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff_ffff }),
        fc.constantFrom(0x03, 0x23, 0x07, 0x27, 0x2f, 0x33),
        (random, opcode) => {
          const word = ((random & ~0x7f) | opcode) >>> 0;
          expect(found(word)).toEqual(expected(word));
          const access = fromInstruction(word);
          if (access?.kind === 'load' && access.size < 8) expect(access.signed).toBe(signOf(word));
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('is read from htinst: the source of offset is the address, bit 1 tells a compressed instruction', () => {
    const lhu = 0x0005_d783; // lhu a5, 0(a1), with rs1 replaced by the offset
    expect(fromTransformed(BigInt(lhu))).toEqual({ kind: 'load', size: 2, signed: false, register: 15, length: 4 });
    expect(fromTransformed(BigInt(lhu & ~2))).toEqual({
      kind: 'load',
      size: 2,
      signed: false,
      register: 15,
      length: 2,
    });
    const sd = 0x00f0_3023;
    expect(fromTransformed(BigInt(sd))).toEqual({ kind: 'store', size: 8, signed: false, register: 15, length: 4 });
  });

  it('is none for atomics, floating point and what is no access at all', () => {
    for (const word of [0x0a52_a02f, 0x0005_2507, 0x00a5_2027, 0x0000_0013, 0]) {
      expect(fromTransformed(BigInt(word))).toBeUndefined();
    }
  });

  it('a pseudoinstruction is told from a transformed one, and from none', () => {
    for (const pseudo of [0x2000n, 0x2020n, 0x3000n, 0x3020n]) expect(isPseudoInstruction(pseudo)).toBe(true);
    for (const other of [0n, 0x503n, 0x501n]) expect(isPseudoInstruction(other)).toBe(false);
  });
});
