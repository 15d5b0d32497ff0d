// M: multiplication and division. WebAssembly traps where RISC-V defines a result, so divisions are guarded.

import { I32, I64, ifElse } from '../wasm/values.ts';
import { extension } from './instruction.ts';
import type { Semantics } from './semantics.ts';

/** The upper 64 bits of the unsigned 128-bit product, by 32-bit halves; `a` and `b` are bound. */
function highProduct(s: Semantics, a: I64, b: I64): I64 {
  const low32 = 0xffff_ffffn;
  const aLow = s.let(a.and(low32));
  const aHigh = s.let(a.shrU(32));
  const bLow = s.let(b.and(low32));
  const bHigh = s.let(b.shrU(32));
  const middle = s.let(aHigh.mul(bLow).add(aLow.mul(bLow).shrU(32)));
  const cross = middle.and(low32).add(aLow.mul(bHigh));
  return aHigh.mul(bHigh).add(middle.shrU(32)).add(cross.shrU(32));
}

/** −value if `sign` is negative, else nothing: what a signed factor adds to the high product (two's complement). */
const correction = (sign: I64, value: I64): I64 => sign.shrS(63).and(value);

const all1 = -1n;

export const rvM = extension('M', [
  {
    name: 'mul',
    encoding: '0000001 rs2 rs1 000 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Low 64 bits of the product of rs1 and rs2.',
    semantics: (s) => s.setX(s.x('rs1').mul(s.x('rs2'))),
  },
  {
    name: 'mulh',
    encoding: '0000001 rs2 rs1 001 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'High 64 bits of the product of rs1 and rs2, both signed.',
    semantics: (s) => {
      const a = s.let(s.x('rs1'));
      const b = s.let(s.x('rs2'));
      s.setX(highProduct(s, a, b).sub(correction(a, b)).sub(correction(b, a)));
    },
  },
  {
    name: 'mulhsu',
    encoding: '0000001 rs2 rs1 010 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'High 64 bits of the product of rs1, signed, and rs2, unsigned.',
    semantics: (s) => {
      const a = s.let(s.x('rs1'));
      const b = s.let(s.x('rs2'));
      s.setX(highProduct(s, a, b).sub(correction(a, b)));
    },
  },
  {
    name: 'mulhu',
    encoding: '0000001 rs2 rs1 011 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'High 64 bits of the product of rs1 and rs2, both unsigned.',
    semantics: (s) => s.setX(highProduct(s, s.let(s.x('rs1')), s.let(s.x('rs2')))),
  },
  {
    name: 'div',
    encoding: '0000001 rs2 rs1 100 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Signed quotient rounded towards zero; -1 for a zero divisor, rs1 on overflow.',
    semantics: (s) => {
      const a = s.let(s.x('rs1'));
      const b = s.let(s.x('rs2'));
      s.setX(ifElse(b.eqz(), I64.of(all1), ifElse(b.eq(-1n), a.neg(), a.divS(b))));
    },
  },
  {
    name: 'divu',
    encoding: '0000001 rs2 rs1 101 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Unsigned quotient; all ones for a zero divisor.',
    semantics: (s) => {
      const b = s.let(s.x('rs2'));
      s.setX(ifElse(b.eqz(), I64.of(all1), s.x('rs1').divU(b)));
    },
  },
  {
    name: 'rem',
    encoding: '0000001 rs2 rs1 110 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Signed remainder with the sign of rs1; rs1 for a zero divisor, 0 on overflow.',
    semantics: (s) => {
      const b = s.let(s.x('rs2'));
      s.setX(ifElse(b.eqz(), s.x('rs1'), s.x('rs1').remS(b)));
    },
  },
  {
    name: 'remu',
    encoding: '0000001 rs2 rs1 111 rd 0110011',
    syntax: 'rd, rs1, rs2',
    brief: 'Unsigned remainder; rs1 for a zero divisor.',
    semantics: (s) => {
      const b = s.let(s.x('rs2'));
      s.setX(ifElse(b.eqz(), s.x('rs1'), s.x('rs1').remU(b)));
    },
  },
  {
    name: 'mulw',
    encoding: '0000001 rs2 rs1 000 rd 0111011',
    syntax: 'rd, rs1, rs2',
    brief: 'Low 32 bits of the product of rs1 and rs2, sign-extended.',
    semantics: (s) => s.setX(s.x('rs1').mul(s.x('rs2')).extend32S()),
  },
  {
    name: 'divw',
    encoding: '0000001 rs2 rs1 100 rd 0111011',
    syntax: 'rd, rs1, rs2',
    brief: 'Signed quotient of the low words, sign-extended; -1 for a zero divisor, the dividend on overflow.',
    semantics: (s) => {
      const a = s.x('rs1').wrap();
      const b = s.let(s.x('rs2').extend32S()).wrap();
      s.setX(ifElse(b.eqz(), I32.of(-1), ifElse(b.eq(-1), a.neg(), a.divS(b))).i64S());
    },
  },
  {
    name: 'divuw',
    encoding: '0000001 rs2 rs1 101 rd 0111011',
    syntax: 'rd, rs1, rs2',
    brief: 'Unsigned quotient of the low words, sign-extended; all ones for a zero divisor.',
    semantics: (s) => {
      const b = s.let(s.x('rs2')).wrap();
      s.setX(ifElse(b.eqz(), I32.of(-1), s.x('rs1').wrap().divU(b)).i64S());
    },
  },
  {
    name: 'remw',
    encoding: '0000001 rs2 rs1 110 rd 0111011',
    syntax: 'rd, rs1, rs2',
    brief: 'Signed remainder of the low words, sign-extended; the dividend for a zero divisor, 0 on overflow.',
    semantics: (s) => {
      const a = s.x('rs1').wrap();
      const b = s.let(s.x('rs2')).wrap();
      s.setX(ifElse(b.eqz(), a, a.remS(b)).i64S());
    },
  },
  {
    name: 'remuw',
    encoding: '0000001 rs2 rs1 111 rd 0111011',
    syntax: 'rd, rs1, rs2',
    brief: 'Unsigned remainder of the low words, sign-extended; the dividend for a zero divisor.',
    semantics: (s) => {
      const a = s.x('rs1').wrap();
      const b = s.let(s.x('rs2')).wrap();
      s.setX(ifElse(b.eqz(), a, a.remU(b)).i64S());
    },
  },
]);
