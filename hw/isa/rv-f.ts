// F: single-precision floating point. Arithmetic is `hw/engine/softfloat`'s; here are its operands and destinations.

import type { I64 } from '../wasm/values.ts';
import { extension } from './instruction.ts';
import type { FpOperation, Semantics } from './semantics.ts';

/** What an operation reads: f registers, or an x register. */
type FpSource = 'fs1' | 'fs2' | 'fs3' | 'rs1';

const read = (s: Semantics, source: FpSource): I64 =>
  source === 'rs1' ? s.x('rs1') : s.f(`r${source.slice(1)}` as 'rs1' | 'rs2' | 'rs3');

/** An operation with a result in an f register. */
export const toF =
  (operation: FpOperation, ...sources: FpSource[]) =>
  (s: Semantics): void => {
    s.requireFp();
    s.setF(s.fp(operation, ...sources.map((source) => read(s, source))));
  };

/** An operation with a result in an x register. */
export const toX =
  (operation: FpOperation, ...sources: FpSource[]) =>
  (s: Semantics): void => {
    s.requireFp();
    s.setX(s.fp(operation, ...sources.map((source) => read(s, source))));
  };

const boxed = (single: I64): I64 => single.or(-0x1_0000_0000n);

export const rvF = extension('F', [
  {
    name: 'flw',
    encoding: 'imm[11:0] rs1 010 rd 0000111',
    syntax: 'fd, imm(rs1)',
    brief: 'Loads a single and boxes it.',
    semantics: (s) => {
      s.requireFp();
      s.setF(boxed(s.load('u32', s.x('rs1').add(s.imm()))));
    },
  },
  {
    name: 'fsw',
    encoding: 'imm[11:5] rs2 rs1 010 imm[4:0] 0100111',
    syntax: 'fs2, imm(rs1)',
    brief: 'Stores the low word of an f register.',
    semantics: (s) => {
      s.requireFp();
      s.store(4, s.x('rs1').add(s.imm()), s.f('rs2'));
    },
  },
  {
    name: 'fmadd.s',
    encoding: 'rs3 00 rs2 rs1 rm rd 1000011',
    syntax: 'fd, fs1, fs2, fs3, rm=dyn',
    brief: 'fs1 × fs2 + fs3, rounded once.',
    semantics: toF('fmadd.s', 'fs1', 'fs2', 'fs3'),
  },
  {
    name: 'fmsub.s',
    encoding: 'rs3 00 rs2 rs1 rm rd 1000111',
    syntax: 'fd, fs1, fs2, fs3, rm=dyn',
    brief: 'fs1 × fs2 − fs3, rounded once.',
    semantics: toF('fmsub.s', 'fs1', 'fs2', 'fs3'),
  },
  {
    name: 'fnmsub.s',
    encoding: 'rs3 00 rs2 rs1 rm rd 1001011',
    syntax: 'fd, fs1, fs2, fs3, rm=dyn',
    brief: '−(fs1 × fs2) + fs3, rounded once.',
    semantics: toF('fnmsub.s', 'fs1', 'fs2', 'fs3'),
  },
  {
    name: 'fnmadd.s',
    encoding: 'rs3 00 rs2 rs1 rm rd 1001111',
    syntax: 'fd, fs1, fs2, fs3, rm=dyn',
    brief: '−(fs1 × fs2) − fs3, rounded once.',
    semantics: toF('fnmadd.s', 'fs1', 'fs2', 'fs3'),
  },
  {
    name: 'fadd.s',
    encoding: '0000000 rs2 rs1 rm rd 1010011',
    syntax: 'fd, fs1, fs2, rm=dyn',
    brief: 'Adds singles.',
    semantics: toF('fadd.s', 'fs1', 'fs2'),
  },
  {
    name: 'fsub.s',
    encoding: '0000100 rs2 rs1 rm rd 1010011',
    syntax: 'fd, fs1, fs2, rm=dyn',
    brief: 'Subtracts fs2 from fs1, singles.',
    semantics: toF('fsub.s', 'fs1', 'fs2'),
  },
  {
    name: 'fmul.s',
    encoding: '0001000 rs2 rs1 rm rd 1010011',
    syntax: 'fd, fs1, fs2, rm=dyn',
    brief: 'Multiplies singles.',
    semantics: toF('fmul.s', 'fs1', 'fs2'),
  },
  {
    name: 'fdiv.s',
    encoding: '0001100 rs2 rs1 rm rd 1010011',
    syntax: 'fd, fs1, fs2, rm=dyn',
    brief: 'Divides fs1 by fs2, singles.',
    semantics: toF('fdiv.s', 'fs1', 'fs2'),
  },
  {
    name: 'fsqrt.s',
    encoding: '0101100 00000 rs1 rm rd 1010011',
    syntax: 'fd, fs1, rm=dyn',
    brief: 'Square root of a single.',
    semantics: toF('fsqrt.s', 'fs1'),
  },
  {
    name: 'fsgnj.s',
    encoding: '0010000 rs2 rs1 000 rd 1010011',
    syntax: 'fd, fs1, fs2',
    brief: 'fs1 with the sign of fs2.',
    semantics: toF('fsgnj.s', 'fs1', 'fs2'),
  },
  {
    name: 'fsgnjn.s',
    encoding: '0010000 rs2 rs1 001 rd 1010011',
    syntax: 'fd, fs1, fs2',
    brief: 'fs1 with the opposite of the sign of fs2.',
    semantics: toF('fsgnjn.s', 'fs1', 'fs2'),
  },
  {
    name: 'fsgnjx.s',
    encoding: '0010000 rs2 rs1 010 rd 1010011',
    syntax: 'fd, fs1, fs2',
    brief: 'fs1 with the exclusive or of both signs.',
    semantics: toF('fsgnjx.s', 'fs1', 'fs2'),
  },
  {
    name: 'fmin.s',
    encoding: '0010100 rs2 rs1 000 rd 1010011',
    syntax: 'fd, fs1, fs2',
    brief: 'Lesser of two singles; the number if the other is NaN; −0 is less than +0.',
    semantics: toF('fmin.s', 'fs1', 'fs2'),
  },
  {
    name: 'fmax.s',
    encoding: '0010100 rs2 rs1 001 rd 1010011',
    syntax: 'fd, fs1, fs2',
    brief: 'Greater of two singles; the number if the other is NaN; −0 is less than +0.',
    semantics: toF('fmax.s', 'fs1', 'fs2'),
  },
  {
    name: 'fcvt.w.s',
    encoding: '1100000 00000 rs1 rm rd 1010011',
    syntax: 'rd, fs1, rm=dyn',
    brief: 'Converts a single to a signed word, sign-extended.',
    semantics: toX('fcvt.w.s', 'fs1'),
  },
  {
    name: 'fcvt.wu.s',
    encoding: '1100000 00001 rs1 rm rd 1010011',
    syntax: 'rd, fs1, rm=dyn',
    brief: 'Converts a single to an unsigned word, sign-extended.',
    semantics: toX('fcvt.wu.s', 'fs1'),
  },
  {
    name: 'fcvt.l.s',
    encoding: '1100000 00010 rs1 rm rd 1010011',
    syntax: 'rd, fs1, rm=dyn',
    brief: 'Converts a single to a signed doubleword.',
    semantics: toX('fcvt.l.s', 'fs1'),
  },
  {
    name: 'fcvt.lu.s',
    encoding: '1100000 00011 rs1 rm rd 1010011',
    syntax: 'rd, fs1, rm=dyn',
    brief: 'Converts a single to an unsigned doubleword.',
    semantics: toX('fcvt.lu.s', 'fs1'),
  },
  {
    name: 'fmv.x.w',
    encoding: '1110000 00000 rs1 000 rd 1010011',
    syntax: 'rd, fs1',
    brief: 'Moves the low word of an f register to rd, sign-extended.',
    semantics: (s) => {
      s.requireFp();
      s.setX(s.f('rs1').extend32S());
    },
  },
  {
    name: 'feq.s',
    encoding: '1010000 rs2 rs1 010 rd 1010011',
    syntax: 'rd, fs1, fs2',
    brief: 'Sets rd to 1 if the singles are equal; invalid only for signaling NaNs.',
    semantics: toX('feq.s', 'fs1', 'fs2'),
  },
  {
    name: 'flt.s',
    encoding: '1010000 rs2 rs1 001 rd 1010011',
    syntax: 'rd, fs1, fs2',
    brief: 'Sets rd to 1 if fs1 is less than fs2, singles; invalid for NaNs.',
    semantics: toX('flt.s', 'fs1', 'fs2'),
  },
  {
    name: 'fle.s',
    encoding: '1010000 rs2 rs1 000 rd 1010011',
    syntax: 'rd, fs1, fs2',
    brief: 'Sets rd to 1 if fs1 is at most fs2, singles; invalid for NaNs.',
    semantics: toX('fle.s', 'fs1', 'fs2'),
  },
  {
    name: 'fclass.s',
    encoding: '1110000 00000 rs1 001 rd 1010011',
    syntax: 'rd, fs1',
    brief: 'Sets one of ten bits of rd that tells the class of a single.',
    semantics: toX('fclass.s', 'fs1'),
  },
  {
    name: 'fcvt.s.w',
    encoding: '1101000 00000 rs1 rm rd 1010011',
    syntax: 'fd, rs1, rm=dyn',
    brief: 'Converts a signed word to a single.',
    semantics: toF('fcvt.s.w', 'rs1'),
  },
  {
    name: 'fcvt.s.wu',
    encoding: '1101000 00001 rs1 rm rd 1010011',
    syntax: 'fd, rs1, rm=dyn',
    brief: 'Converts an unsigned word to a single.',
    semantics: toF('fcvt.s.wu', 'rs1'),
  },
  {
    name: 'fcvt.s.l',
    encoding: '1101000 00010 rs1 rm rd 1010011',
    syntax: 'fd, rs1, rm=dyn',
    brief: 'Converts a signed doubleword to a single.',
    semantics: toF('fcvt.s.l', 'rs1'),
  },
  {
    name: 'fcvt.s.lu',
    encoding: '1101000 00011 rs1 rm rd 1010011',
    syntax: 'fd, rs1, rm=dyn',
    brief: 'Converts an unsigned doubleword to a single.',
    semantics: toF('fcvt.s.lu', 'rs1'),
  },
  {
    name: 'fmv.w.x',
    encoding: '1111000 00000 rs1 000 rd 1010011',
    syntax: 'fd, rs1',
    brief: 'Moves the low word of rs1 to an f register, boxed.',
    semantics: (s) => {
      s.requireFp();
      s.setF(boxed(s.x('rs1')));
    },
  },
]);
