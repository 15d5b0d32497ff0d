// Zba, Zbb and Zbs: address generation and bit manipulation.

import { I64 } from '../wasm/values.ts';
import { extension, type Row } from './instruction.ts';

const zext32 = (value: I64): I64 => value.and(0xffff_ffffn);
const one = I64.of(1n);

const shiftAdds = [1, 2, 3].flatMap((n): Row[] => {
  const funct3 = (n * 2).toString(2).padStart(3, '0');
  return [
    {
      name: `sh${n}add`,
      encoding: `0010000 rs2 rs1 ${funct3} rd 0110011`,
      syntax: 'rd, rs1, rs2',
      brief: `Adds rs1 shifted left by ${n} to rs2.`,
      semantics: (s) => s.setX(s.x('rs1').shl(n).add(s.x('rs2'))),
    },
    {
      name: `sh${n}add.uw`,
      encoding: `0010000 rs2 rs1 ${funct3} rd 0111011`,
      syntax: 'rd, rs1, rs2',
      brief: `Adds the low word of rs1, zero-extended and shifted left by ${n}, to rs2.`,
      semantics: (s) => s.setX(zext32(s.x('rs1')).shl(n).add(s.x('rs2'))),
    },
  ];
});

export const rvZba = extension('Zba', [
  {
    name: 'add.uw',
    encoding: '0000100 rs2 rs1 000 rd 0111011',
    syntax: 'rd, rs1, rs2',
    brief: 'Adds the low word of rs1, zero-extended, to rs2.',
    semantics: (s) => s.setX(zext32(s.x('rs1')).add(s.x('rs2'))),
  },
  ...shiftAdds,
  {
    name: 'slli.uw',
    encoding: '000010 uimm[5:0] rs1 001 rd 0011011',
    syntax: 'rd, rs1, shamt',
    brief: 'Shifts the low word of rs1, zero-extended, left.',
    semantics: (s) => s.setX(zext32(s.x('rs1')).shl(s.imm())),
  },
]);

export const rvZbb = extension('Zbb', [
  {
    name: 'andn',
    encoding: '0100000 rs2 rs1 111 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'And of rs1 and the complement of rs2.',
    semantics: (s) => s.setX(s.x('rs1').and(s.x('rs2').not())),
  },
  {
    name: 'orn',
    encoding: '0100000 rs2 rs1 110 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Or of rs1 and the complement of rs2.',
    semantics: (s) => s.setX(s.x('rs1').or(s.x('rs2').not())),
  },
  {
    name: 'xnor',
    encoding: '0100000 rs2 rs1 100 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Complement of the exclusive or of rs1 and rs2.',
    semantics: (s) => s.setX(s.x('rs1').xor(s.x('rs2')).not()),
  },
  {
    name: 'clz',
    encoding: '0110000 00000 rs1 001 rd 0010011',
    syntax: 'rd, rs1',
    brief: 'Counts leading zeros; 64 for zero.',
    semantics: (s) => s.setX(s.x('rs1').clz()),
  },
  {
    name: 'clzw',
    encoding: '0110000 00000 rs1 001 rd 0011011',
    syntax: 'rd, rs1',
    brief: 'Counts leading zeros of the low word; 32 for zero.',
    semantics: (s) => s.setX(s.x('rs1').wrap().clz().i64U()),
  },
  {
    name: 'ctz',
    encoding: '0110000 00001 rs1 001 rd 0010011',
    syntax: 'rd, rs1',
    brief: 'Counts trailing zeros; 64 for zero.',
    semantics: (s) => s.setX(s.x('rs1').ctz()),
  },
  {
    name: 'ctzw',
    encoding: '0110000 00001 rs1 001 rd 0011011',
    syntax: 'rd, rs1',
    brief: 'Counts trailing zeros of the low word; 32 for zero.',
    semantics: (s) => s.setX(s.x('rs1').wrap().ctz().i64U()),
  },
  {
    name: 'cpop',
    encoding: '0110000 00010 rs1 001 rd 0010011',
    syntax: 'rd, rs1',
    brief: 'Counts set bits.',
    semantics: (s) => s.setX(s.x('rs1').popcnt()),
  },
  {
    name: 'cpopw',
    encoding: '0110000 00010 rs1 001 rd 0011011',
    syntax: 'rd, rs1',
    brief: 'Counts set bits of the low word.',
    semantics: (s) => s.setX(s.x('rs1').wrap().popcnt().i64U()),
  },
  {
    name: 'max',
    encoding: '0000101 rs2 rs1 110 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Signed maximum.',
    semantics: (s) => s.setX(s.x('rs1').gtS(s.x('rs2')).select(s.x('rs1'), s.x('rs2'))),
  },
  {
    name: 'maxu',
    encoding: '0000101 rs2 rs1 111 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Unsigned maximum.',
    semantics: (s) => s.setX(s.x('rs1').gtU(s.x('rs2')).select(s.x('rs1'), s.x('rs2'))),
  },
  {
    name: 'min',
    encoding: '0000101 rs2 rs1 100 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Signed minimum.',
    semantics: (s) => s.setX(s.x('rs1').ltS(s.x('rs2')).select(s.x('rs1'), s.x('rs2'))),
  },
  {
    name: 'minu',
    encoding: '0000101 rs2 rs1 101 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Unsigned minimum.',
    semantics: (s) => s.setX(s.x('rs1').ltU(s.x('rs2')).select(s.x('rs1'), s.x('rs2'))),
  },
  {
    name: 'sext.b',
    encoding: '0110000 00100 rs1 001 rd 0010011',
    syntax: 'rd, rs1',
    brief: 'Sign-extends the low byte.',
    semantics: (s) => s.setX(s.x('rs1').extend8S()),
  },
  {
    name: 'sext.h',
    encoding: '0110000 00101 rs1 001 rd 0010011',
    syntax: 'rd, rs1',
    brief: 'Sign-extends the low halfword.',
    semantics: (s) => s.setX(s.x('rs1').extend16S()),
  },
  {
    name: 'zext.h',
    encoding: '0000100 00000 rs1 100 rd 0111011',
    syntax: 'rd, rs1',
    brief: 'Zero-extends the low halfword.',
    semantics: (s) => s.setX(s.x('rs1').and(0xffffn)),
  },
  {
    name: 'rol',
    encoding: '0110000 rs2 rs1 001 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Rotates rs1 left by the low 6 bits of rs2.',
    semantics: (s) => s.setX(s.x('rs1').rotl(s.x('rs2'))),
  },
  {
    name: 'rolw',
    encoding: '0110000 rs2 rs1 001 rd 0111011',
    syntax: 'rd, rs1, rs2',
    brief: 'Rotates the low word of rs1 left by the low 5 bits of rs2; the result is sign-extended.',
    semantics: (s) => s.setX(s.x('rs1').wrap().rotl(s.x('rs2').wrap()).i64S()),
  },
  {
    name: 'ror',
    encoding: '0110000 rs2 rs1 101 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Rotates rs1 right by the low 6 bits of rs2.',
    semantics: (s) => s.setX(s.x('rs1').rotr(s.x('rs2'))),
  },
  {
    name: 'rori',
    encoding: '011000 uimm[5:0] rs1 101 rd 0010011',
    syntax: 'rd, rs1, shamt',
    brief: 'Rotates rs1 right.',
    semantics: (s) => s.setX(s.x('rs1').rotr(s.imm())),
  },
  {
    name: 'roriw',
    encoding: '0110000 uimm[4:0] rs1 101 rd 0011011',
    syntax: 'rd, rs1, shamt',
    brief: 'Rotates the low word of rs1 right; the result is sign-extended.',
    semantics: (s) => s.setX(s.x('rs1').wrap().rotr(s.imm().wrap()).i64S()),
  },
  {
    name: 'rorw',
    encoding: '0110000 rs2 rs1 101 rd 0111011',
    syntax: 'rd, rs1, rs2',
    brief: 'Rotates the low word of rs1 right by the low 5 bits of rs2; the result is sign-extended.',
    semantics: (s) => s.setX(s.x('rs1').wrap().rotr(s.x('rs2').wrap()).i64S()),
  },
  {
    name: 'orc.b',
    encoding: '001010000111 rs1 101 rd 0010011',
    syntax: 'rd, rs1',
    brief: 'Sets every byte that has a bit set to 0xff.',
    semantics: (s) => {
      const value = s.let(s.x('rs1'));
      // Adding 0x7f carries into bit 7 of a byte exactly if one of its low seven bits is set.
      const low7 = 0x7f7f_7f7f_7f7f_7f7fn;
      const set = value.and(low7).add(low7).or(value).shrU(7).and(0x0101_0101_0101_0101n);
      s.setX(set.mul(0xff));
    },
  },
  {
    name: 'rev8',
    encoding: '011010111000 rs1 101 rd 0010011',
    syntax: 'rd, rs1',
    brief: 'Reverses the order of the bytes.',
    semantics: (s) => {
      const swap = (value: I64, distance: number, mask: bigint): I64 =>
        s.let(value.shrU(distance).and(mask).or(value.and(mask).shl(distance)));
      const bytes = swap(s.let(s.x('rs1')), 8, 0x00ff_00ff_00ff_00ffn);
      s.setX(swap(bytes, 16, 0x0000_ffff_0000_ffffn).rotl(32));
    },
  },
]);

export const rvZbs = extension('Zbs', [
  {
    name: 'bclr',
    encoding: '0100100 rs2 rs1 001 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Clears the bit of rs1 that the low 6 bits of rs2 tell.',
    semantics: (s) => s.setX(s.x('rs1').and(one.shl(s.x('rs2')).not())),
  },
  {
    name: 'bclri',
    encoding: '010010 uimm[5:0] rs1 001 rd 0010011',
    syntax: 'rd, rs1, shamt',
    brief: 'Clears a bit of rs1.',
    semantics: (s) => s.setX(s.x('rs1').and(one.shl(s.imm()).not())),
  },
  {
    name: 'bext',
    encoding: '0100100 rs2 rs1 101 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Sets rd to the bit of rs1 that the low 6 bits of rs2 tell.',
    semantics: (s) => s.setX(s.x('rs1').shrU(s.x('rs2')).and(one)),
  },
  {
    name: 'bexti',
    encoding: '010010 uimm[5:0] rs1 101 rd 0010011',
    syntax: 'rd, rs1, shamt',
    brief: 'Sets rd to a bit of rs1.',
    semantics: (s) => s.setX(s.x('rs1').shrU(s.imm()).and(one)),
  },
  {
    name: 'binv',
    encoding: '0110100 rs2 rs1 001 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Inverts the bit of rs1 that the low 6 bits of rs2 tell.',
    semantics: (s) => s.setX(s.x('rs1').xor(one.shl(s.x('rs2')))),
  },
  {
    name: 'binvi',
    encoding: '011010 uimm[5:0] rs1 001 rd 0010011',
    syntax: 'rd, rs1, shamt',
    brief: 'Inverts a bit of rs1.',
    semantics: (s) => s.setX(s.x('rs1').xor(one.shl(s.imm()))),
  },
  {
    name: 'bset',
    encoding: '0010100 rs2 rs1 001 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Sets the bit of rs1 that the low 6 bits of rs2 tell.',
    semantics: (s) => s.setX(s.x('rs1').or(one.shl(s.x('rs2')))),
  },
  {
    name: 'bseti',
    encoding: '001010 uimm[5:0] rs1 001 rd 0010011',
    syntax: 'rd, rs1, shamt',
    brief: 'Sets a bit of rs1.',
    semantics: (s) => s.setX(s.x('rs1').or(one.shl(s.imm()))),
  },
]);
