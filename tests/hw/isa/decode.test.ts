import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decode, lookUp } from '../../../hw/isa/decode.ts';
import { instructions } from '../../../hw/isa/table.ts';

const named = (word: number) => {
  const decoded = decode(word);
  return decoded && { ...decoded, op: instructions[decoded.op]!.name };
};
const none = { rd: 0, rs1: 0, rs2: 0, rs3: 0, imm: 0, rm: 7 };

// Words as GNU's assembler encodes them.
test.each([
  [0xfe010113, { op: 'addi', rd: 2, rs1: 2, imm: -32 }, 'addi sp, sp, -32'],
  [0x800005b7, { op: 'lui', rd: 11, imm: -0x80000000 }, 'lui a1, 0x80000'],
  [0xff9ff06f, { op: 'jal', imm: -8 }, 'jal zero, .-8'],
  [0x7ff0006f, { op: 'jal', imm: 0xffe | 0 }, 'jal zero, .+4094'],
  [0xfeb518e3, { op: 'bne', rs1: 10, rs2: 11, imm: -16 }, 'bne a0, a1, .-16'],
  [0x00113c23, { op: 'sd', rs1: 2, rs2: 1, imm: 24 }, 'sd ra, 24(sp)'],
  [0x43f55513, { op: 'srai', rd: 10, rs1: 10, imm: 63 }, 'srai a0, a0, 63'],
  [0x30529073, { op: 'csrrw', rs1: 5, imm: 0x305 }, 'csrw mtvec, t0'],
  [0x3004f073, { op: 'csrrci', rs1: 9, imm: 0x300 }, 'csrci mstatus, 9'],
  [0xc0002573, { op: 'csrrs', rd: 10, imm: 0xc00 }, 'rdcycle a0'],
  [0x68c5f543, { op: 'fmadd.s', rd: 10, rs1: 11, rs2: 12, rs3: 13 }, 'fmadd.s fa0, fa1, fa2, fa3'],
  [0x02c59553, { op: 'fadd.d', rd: 10, rs1: 11, rs2: 12, rm: 1 }, 'fadd.d fa0, fa1, fa2, rtz'],
  [0x0605b52f, { op: 'amoadd.d', rd: 10, rs1: 11, rs2: 0 }, 'amoadd.d.aqrl a0, zero, (a1)'],
])('decodes the 32-bit word %#x', (word: number, expected: object, _source: string) => {
  expect(named(word)).toEqual({ ...none, ...expected, length: 4 });
});

test.each([
  [0x1101, { op: 'addi', rd: 2, rs1: 2, imm: -32 }, 'c.addi sp, -32'],
  [0x7139, { op: 'addi', rd: 2, rs1: 2, imm: -64 }, 'c.addi16sp sp, -64'],
  [0x1808, { op: 'addi', rd: 10, rs1: 2, imm: 48 }, 'c.addi4spn a0, sp, 48'],
  [0xec06, { op: 'sd', rs1: 2, rs2: 1, imm: 24 }, 'c.sdsp ra, 24(sp)'],
  [0x8082, { op: 'jalr', rs1: 1 }, 'c.jr ra'],
  [0x9502, { op: 'jalr', rd: 1, rs1: 10 }, 'c.jalr a0'],
  [0x852e, { op: 'add', rd: 10, rs2: 11 }, 'c.mv a0, a1'],
  [0x952e, { op: 'add', rd: 10, rs1: 10, rs2: 11 }, 'c.add a0, a1'],
  [0x757d, { op: 'lui', rd: 10, imm: -4096 }, 'c.lui a0, 0xfffff'],
  [0x9002, { op: 'ebreak' }, 'c.ebreak'],
  [0x0001, { op: 'addi' }, 'c.nop'],
  [0xbfdd, { op: 'jal', imm: -10 }, 'c.j .-10'],
  [0x2108, { op: 'fld', rd: 10, rs1: 10 }, 'c.fld fa0, 0(a0)'],
])('decodes the 16-bit word %#x', (word: number, expected: object, _source: string) => {
  expect(named(word)).toEqual({ ...none, ...expected, length: 2 });
});

test.each([
  [0x0000, 'all zeros, c.addi4spn with a zero immediate'],
  [0x6101, 'c.addi16sp with a zero immediate'],
  [0x6501, 'c.lui with a zero immediate'],
  [0x2001, 'c.addiw to x0'],
  [0x4002, 'c.lwsp to x0'],
  [0x6002, 'c.ldsp to x0'],
  [0x8002, 'c.jr to x0'],
  [0x9c41, 'a reserved arithmetic code point (Zcb)'],
  [0x8000, 'quadrant 0, funct3 100'],
  [0x00c5d553, 'fadd.s with rounding mode 5'],
  [0x00c5e553, 'fadd.s with rounding mode 6'],
  [0x58105553, 'fsqrt.s with a second operand'],
  [0x02009013 | (1 << 26), 'slli with bit 26 set'],
  [0x0200101b, 'slliw by 32'],
  [0xffffffff, 'all ones'],
  [0x00000073 | (1 << 7), 'ecall with rd'],
  [0x00004073, 'system, funct3 100, no hypervisor access'],
  [0x10500073 | (1 << 15), 'wfi with rs1'],
  [0x1010202f, 'lr.w with rs2'],
  [0x00200073, 'uret'],
])('the reserved word %#x is no instruction', (word) => {
  expect(decode(word)).toBeUndefined();
});

test.each([
  [0x0005, 'addi', 'c.nop with an immediate'],
  [0x4005, 'addi', 'c.li to x0'],
  [0x6005, 'lui', 'c.lui to x0'],
  [0x0002, 'slli', 'c.slli of x0'],
  [0x8006, 'add', 'c.mv to x0'],
  [0x9006, 'add', 'c.add to x0'],
  [0x0100000f, 'fence', 'pause'],
  [0x8330000f, 'fence', 'fence.tso'],
  [0xffffff8f & ~0x7000, 'fence', 'fence with reserved fields'],
  [0xfffff00f & ~0x6000, 'fence.i', 'fence.i with reserved fields'],
])('the HINT or reserved fence %#x executes as %s', (word, name) => {
  expect(named(word)?.op).toBe(name);
});

test('the upper half does not matter to a 16-bit instruction', () => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.nat(0xffff), (low, high) => {
      fc.pre((low & 3) !== 3);
      expect(decode(low | (high << 16))).toEqual(decode(low));
      expect(lookUp(low | (high << 16))).toBe(lookUp(low));
    }),
  );
});

test('any word decodes to operands in range or to nothing', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (word) => {
      const decoded = decode(word);
      if (!decoded) return;
      expect(instructions[decoded.op]).toBeDefined();
      for (const register of [decoded.rd, decoded.rs1, decoded.rs2, decoded.rs3]) {
        expect(register).toBeGreaterThanOrEqual(0);
        expect(register).toBeLessThan(32);
      }
      expect(decoded.imm | 0).toBe(decoded.imm);
      expect([0, 1, 2, 3, 4, 7]).toContain(decoded.rm);
    }),
    { numRuns: 20_000 },
  );
});
