import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csrName, csrNumbers } from '../../../hw/isa/csr-names.ts';
import { disassemble } from '../../../hw/isa/disassemble.ts';

test.each([
  [0x00000013, 'nop'],
  [0x00500513, 'li a0, 5'],
  [0x00058513, 'mv a0, a1'],
  [0x00008067, 'ret'],
  [0x00850067, 'jr 8(a0)'],
  [0x0000006f, 'j 0x80000000'],
  [0xff9ff0ef, 'jal 0x7ffffff8'],
  [0xfe051ce3, 'bnez a0, 0x7ffffff8'],
  [0x00a05463, 'blez a0, 0x80000008'],
  [0x80000537, 'lui a0, 0x80000'],
  [0x30529073, 'csrw mtvec, t0'],
  [0x300025f3, 'csrr a1, mstatus'],
  [0x7c002573, 'csrr a0, 0x7c0'],
  [0xc0102573, 'rdtime a0'],
  [0x00c5f553, 'fadd.s fa0, fa1, fa2'],
  [0x00c59553, 'fadd.s fa0, fa1, fa2, rtz'],
  [0xd2050553, 'fcvt.d.w fa0, a0'],
  [0x22b58553, 'fmv.d fa0, fa1'],
  [0x0ff0000f, 'fence'],
  [0x0310000f, 'fence rw, w'],
  [0x8330000f, 'fence.tso'],
  [0x0100000f, 'pause'],
  [0x12000073, 'sfence.vma'],
  [0x12b00073, 'sfence.vma zero, a1'],
  [0x1405a52f, 'lr.w.aq a0, (a1)'],
  [0x06b6352f, 'amoadd.d.aqrl a0, a1, (a2)'],
  [0x6805c573, 'hlv.w a0, (a1)'],
  [0xc0001073, 'unimp'],
  [0x1101, 'c.addi sp, -32'],
  [0x8082, 'c.jr ra'],
  [0x0001, 'c.nop'],
  [0x0000, '.half 0x0'],
  [0xffffffff, '.word 0xffffffff'],
])('%#x is printed as GNU does', (word, expected) => {
  expect(disassemble(word, 0x8000_0000)).toBe(expected);
});

test('without aliases the names are those of the table', () => {
  expect(disassemble(0x00008067, 0, { aliases: false })).toBe('jalr zero, 0(ra)');
  expect(disassemble(0x00500513, 0, { aliases: false })).toBe('addi a0, zero, 5');
});

test('targets wrap around the address space', () => {
  expect(disassemble(0xff9ff06f, 0)).toBe('j 0xfffffffffffffff8');
});

test('any word is printed', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (word) => {
      expect(disassemble(word, 0x8000_0000)).toMatch(/^[a-z.][\w.]*( \S.*)?$/);
    }),
    { numRuns: 5000 },
  );
});

test('CSR names and numbers agree', () => {
  expect(new Set(csrNumbers.values()).size).toBe(csrNumbers.size);
  for (const [name, number] of csrNumbers) expect(csrName(number)).toBe(name);
  expect(csrNumbers.get('hpmcounter31')).toBe(0xc1f);
  expect(csrNumbers.get('mhpmevent3')).toBe(0x323);
  expect(csrNumbers.get('pmpaddr63')).toBe(0x3ef);
  expect(csrNumbers.get('vstimecmp')).toBe(0x24d);
});
