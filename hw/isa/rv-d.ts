// D: double-precision floating point.

import { extension } from './instruction.ts';
import { toF, toX } from './rv-f.ts';

export const rvD = extension('D', [
  {
    name: 'fld',
    encoding: 'imm[11:0] rs1 011 rd 0000111',
    syntax: 'fd, imm(rs1)',
    brief: 'Loads a double.',
    semantics: (s) => {
      s.requireFp();
      s.setF(s.load('i64', s.x('rs1').add(s.imm())));
    },
  },
  {
    name: 'fsd',
    encoding: 'imm[11:5] rs2 rs1 011 imm[4:0] 0100111',
    syntax: 'fs2, imm(rs1)',
    brief: 'Stores an f register.',
    semantics: (s) => {
      s.requireFp();
      s.store(8, s.x('rs1').add(s.imm()), s.f('rs2'));
    },
  },
  {
    name: 'fmadd.d',
    encoding: 'rs3 01 rs2 rs1 rm rd 1000011',
    syntax: 'fd, fs1, fs2, fs3, rm=dyn',
    brief: 'fs1 × fs2 + fs3, rounded once.',
    semantics: toF('fmadd.d', 'fs1', 'fs2', 'fs3'),
  },
  {
    name: 'fmsub.d',
    encoding: 'rs3 01 rs2 rs1 rm rd 1000111',
    syntax: 'fd, fs1, fs2, fs3, rm=dyn',
    brief: 'fs1 × fs2 − fs3, rounded once.',
    semantics: toF('fmsub.d', 'fs1', 'fs2', 'fs3'),
  },
  {
    name: 'fnmsub.d',
    encoding: 'rs3 01 rs2 rs1 rm rd 1001011',
    syntax: 'fd, fs1, fs2, fs3, rm=dyn',
    brief: '−(fs1 × fs2) + fs3, rounded once.',
    semantics: toF('fnmsub.d', 'fs1', 'fs2', 'fs3'),
  },
  {
    name: 'fnmadd.d',
    encoding: 'rs3 01 rs2 rs1 rm rd 1001111',
    syntax: 'fd, fs1, fs2, fs3, rm=dyn',
    brief: '−(fs1 × fs2) − fs3, rounded once.',
    semantics: toF('fnmadd.d', 'fs1', 'fs2', 'fs3'),
  },
  {
    name: 'fadd.d',
    encoding: '0000001 rs2 rs1 rm rd 1010011',
    syntax: 'fd, fs1, fs2, rm=dyn',
    brief: 'Adds doubles.',
    semantics: toF('fadd.d', 'fs1', 'fs2'),
  },
  {
    name: 'fsub.d',
    encoding: '0000101 rs2 rs1 rm rd 1010011',
    syntax: 'fd, fs1, fs2, rm=dyn',
    brief: 'Subtracts fs2 from fs1, doubles.',
    semantics: toF('fsub.d', 'fs1', 'fs2'),
  },
  {
    name: 'fmul.d',
    encoding: '0001001 rs2 rs1 rm rd 1010011',
    syntax: 'fd, fs1, fs2, rm=dyn',
    brief: 'Multiplies doubles.',
    semantics: toF('fmul.d', 'fs1', 'fs2'),
  },
  {
    name: 'fdiv.d',
    encoding: '0001101 rs2 rs1 rm rd 1010011',
    syntax: 'fd, fs1, fs2, rm=dyn',
    brief: 'Divides fs1 by fs2, doubles.',
    semantics: toF('fdiv.d', 'fs1', 'fs2'),
  },
  {
    name: 'fsqrt.d',
    encoding: '0101101 00000 rs1 rm rd 1010011',
    syntax: 'fd, fs1, rm=dyn',
    brief: 'Square root of a double.',
    semantics: toF('fsqrt.d', 'fs1'),
  },
  {
    name: 'fsgnj.d',
    encoding: '0010001 rs2 rs1 000 rd 1010011',
    syntax: 'fd, fs1, fs2',
    brief: 'fs1 with the sign of fs2.',
    semantics: toF('fsgnj.d', 'fs1', 'fs2'),
  },
  {
    name: 'fsgnjn.d',
    encoding: '0010001 rs2 rs1 001 rd 1010011',
    syntax: 'fd, fs1, fs2',
    brief: 'fs1 with the opposite of the sign of fs2.',
    semantics: toF('fsgnjn.d', 'fs1', 'fs2'),
  },
  {
    name: 'fsgnjx.d',
    encoding: '0010001 rs2 rs1 010 rd 1010011',
    syntax: 'fd, fs1, fs2',
    brief: 'fs1 with the exclusive or of both signs.',
    semantics: toF('fsgnjx.d', 'fs1', 'fs2'),
  },
  {
    name: 'fmin.d',
    encoding: '0010101 rs2 rs1 000 rd 1010011',
    syntax: 'fd, fs1, fs2',
    brief: 'Lesser of two doubles; the number if the other is NaN; −0 is less than +0.',
    semantics: toF('fmin.d', 'fs1', 'fs2'),
  },
  {
    name: 'fmax.d',
    encoding: '0010101 rs2 rs1 001 rd 1010011',
    syntax: 'fd, fs1, fs2',
    brief: 'Greater of two doubles; the number if the other is NaN; −0 is less than +0.',
    semantics: toF('fmax.d', 'fs1', 'fs2'),
  },
  {
    name: 'fcvt.w.d',
    encoding: '1100001 00000 rs1 rm rd 1010011',
    syntax: 'rd, fs1, rm=dyn',
    brief: 'Converts a double to a signed word, sign-extended.',
    semantics: toX('fcvt.w.d', 'fs1'),
  },
  {
    name: 'fcvt.wu.d',
    encoding: '1100001 00001 rs1 rm rd 1010011',
    syntax: 'rd, fs1, rm=dyn',
    brief: 'Converts a double to an unsigned word, sign-extended.',
    semantics: toX('fcvt.wu.d', 'fs1'),
  },
  {
    name: 'fcvt.l.d',
    encoding: '1100001 00010 rs1 rm rd 1010011',
    syntax: 'rd, fs1, rm=dyn',
    brief: 'Converts a double to a signed doubleword.',
    semantics: toX('fcvt.l.d', 'fs1'),
  },
  {
    name: 'fcvt.lu.d',
    encoding: '1100001 00011 rs1 rm rd 1010011',
    syntax: 'rd, fs1, rm=dyn',
    brief: 'Converts a double to an unsigned doubleword.',
    semantics: toX('fcvt.lu.d', 'fs1'),
  },
  {
    name: 'feq.d',
    encoding: '1010001 rs2 rs1 010 rd 1010011',
    syntax: 'rd, fs1, fs2',
    brief: 'Sets rd to 1 if the doubles are equal; invalid only for signaling NaNs.',
    semantics: toX('feq.d', 'fs1', 'fs2'),
  },
  {
    name: 'flt.d',
    encoding: '1010001 rs2 rs1 001 rd 1010011',
    syntax: 'rd, fs1, fs2',
    brief: 'Sets rd to 1 if fs1 is less than fs2, doubles; invalid for NaNs.',
    semantics: toX('flt.d', 'fs1', 'fs2'),
  },
  {
    name: 'fle.d',
    encoding: '1010001 rs2 rs1 000 rd 1010011',
    syntax: 'rd, fs1, fs2',
    brief: 'Sets rd to 1 if fs1 is at most fs2, doubles; invalid for NaNs.',
    semantics: toX('fle.d', 'fs1', 'fs2'),
  },
  {
    name: 'fclass.d',
    encoding: '1110001 00000 rs1 001 rd 1010011',
    syntax: 'rd, fs1',
    brief: 'Sets one of ten bits of rd that tells the class of a double.',
    semantics: toX('fclass.d', 'fs1'),
  },
  {
    name: 'fcvt.d.w',
    encoding: '1101001 00000 rs1 rm rd 1010011',
    syntax: 'fd, rs1, rm=rne',
    brief: 'Converts a signed word to a double; always exact.',
    semantics: toF('fcvt.d.w', 'rs1'),
  },
  {
    name: 'fcvt.d.wu',
    encoding: '1101001 00001 rs1 rm rd 1010011',
    syntax: 'fd, rs1, rm=rne',
    brief: 'Converts an unsigned word to a double; always exact.',
    semantics: toF('fcvt.d.wu', 'rs1'),
  },
  {
    name: 'fcvt.d.l',
    encoding: '1101001 00010 rs1 rm rd 1010011',
    syntax: 'fd, rs1, rm=dyn',
    brief: 'Converts a signed doubleword to a double.',
    semantics: toF('fcvt.d.l', 'rs1'),
  },
  {
    name: 'fcvt.d.lu',
    encoding: '1101001 00011 rs1 rm rd 1010011',
    syntax: 'fd, rs1, rm=dyn',
    brief: 'Converts an unsigned doubleword to a double.',
    semantics: toF('fcvt.d.lu', 'rs1'),
  },
  {
    name: 'fcvt.s.d',
    encoding: '0100000 00001 rs1 rm rd 1010011',
    syntax: 'fd, fs1, rm=dyn',
    brief: 'Converts a double to a single.',
    semantics: toF('fcvt.s.d', 'fs1'),
  },
  {
    name: 'fcvt.d.s',
    encoding: '0100001 00000 rs1 rm rd 1010011',
    syntax: 'fd, fs1, rm=rne',
    brief: 'Converts a single to a double; always exact.',
    semantics: toF('fcvt.d.s', 'fs1'),
  },
  {
    name: 'fmv.x.d',
    encoding: '1110001 00000 rs1 000 rd 1010011',
    syntax: 'rd, fs1',
    brief: 'Moves an f register to rd.',
    semantics: (s) => {
      s.requireFp();
      s.setX(s.f('rs1'));
    },
  },
  {
    name: 'fmv.d.x',
    encoding: '1111001 00000 rs1 000 rd 1010011',
    syntax: 'fd, rs1',
    brief: 'Moves rs1 to an f register.',
    semantics: (s) => {
      s.requireFp();
      s.setF(s.x('rs1'));
    },
  },
]);
