// Pseudo-instructions that stand for one instruction; assembler and disassembler read the same list.

import { csrNumbers } from './csr-names.ts';
import type { FieldName } from './encoding.ts';
import type { Instruction } from './instruction.ts';
import { expansionOf } from './instruction.ts';
import { parseSyntax, type Slot } from './syntax.ts';
import { instructions } from './table.ts';

export interface Alias {
  name: string;
  syntax: string;
  expansion: string;
  slots: readonly Slot[];
  instruction: Instruction;
  /** What each field of the instruction is: a field that the alias's operands name, or a constant. */
  fields: { readonly [K in FieldName]?: FieldName | number };
  /** The disassembler prints it. Otherwise the instruction has a plainer form. */
  printed: boolean;
}

/** Name, operands, expansion. Earlier ones are preferred in disassembly. */
const printed: readonly [name: string, syntax: string, expansion: string][] = [
  ['nop', '', 'addi x0, x0, 0'],
  ['li', 'rd, imm', 'addi rd, x0, imm'],
  ['mv', 'rd, rs1', 'addi rd, rs1, 0'],
  ['not', 'rd, rs1', 'xori rd, rs1, -1'],
  ['neg', 'rd, rs2', 'sub rd, x0, rs2'],
  ['negw', 'rd, rs2', 'subw rd, x0, rs2'],
  ['sext.w', 'rd, rs1', 'addiw rd, rs1, 0'],
  ['zext.b', 'rd, rs1', 'andi rd, rs1, 255'],
  ['zext.w', 'rd, rs1', 'add.uw rd, rs1, x0'],
  ['seqz', 'rd, rs1', 'sltiu rd, rs1, 1'],
  ['snez', 'rd, rs2', 'sltu rd, x0, rs2'],
  ['sltz', 'rd, rs1', 'slt rd, rs1, x0'],
  ['sgtz', 'rd, rs2', 'slt rd, x0, rs2'],
  ['beqz', 'rs1, target', 'beq rs1, x0, imm'],
  ['bnez', 'rs1, target', 'bne rs1, x0, imm'],
  ['blez', 'rs2, target', 'bge x0, rs2, imm'],
  ['bgez', 'rs1, target', 'bge rs1, x0, imm'],
  ['bltz', 'rs1, target', 'blt rs1, x0, imm'],
  ['bgtz', 'rs2, target', 'blt x0, rs2, imm'],
  ['j', 'target', 'jal x0, imm'],
  ['jal', 'target', 'jal x1, imm'],
  ['ret', '', 'jalr x0, 0(x1)'],
  ['jr', 'rs1', 'jalr x0, 0(rs1)'],
  ['jr', 'imm(rs1)', 'jalr x0, imm(rs1)'],
  ['jalr', 'rs1', 'jalr x1, 0(rs1)'],
  ['jalr', 'imm(rs1)', 'jalr x1, imm(rs1)'],
  ['frflags', 'rd', 'csrrs rd, fflags, x0'],
  ['fsflags', 'rs1', 'csrrw x0, fflags, rs1'],
  ['fsflags', 'rd, rs1', 'csrrw rd, fflags, rs1'],
  ['fsflagsi', 'zimm', 'csrrwi x0, fflags, rs1'],
  ['fsflagsi', 'rd, zimm', 'csrrwi rd, fflags, rs1'],
  ['frrm', 'rd', 'csrrs rd, frm, x0'],
  ['fsrm', 'rs1', 'csrrw x0, frm, rs1'],
  ['fsrm', 'rd, rs1', 'csrrw rd, frm, rs1'],
  ['fsrmi', 'zimm', 'csrrwi x0, frm, rs1'],
  ['fsrmi', 'rd, zimm', 'csrrwi rd, frm, rs1'],
  ['frcsr', 'rd', 'csrrs rd, fcsr, x0'],
  ['fscsr', 'rs1', 'csrrw x0, fcsr, rs1'],
  ['fscsr', 'rd, rs1', 'csrrw rd, fcsr, rs1'],
  ['rdcycle', 'rd', 'csrrs rd, cycle, x0'],
  ['rdtime', 'rd', 'csrrs rd, time, x0'],
  ['rdinstret', 'rd', 'csrrs rd, instret, x0'],
  ['unimp', '', 'csrrw x0, cycle, x0'],
  ['csrr', 'rd, csr', 'csrrs rd, imm, x0'],
  ['csrw', 'csr, rs1', 'csrrw x0, imm, rs1'],
  ['csrs', 'csr, rs1', 'csrrs x0, imm, rs1'],
  ['csrc', 'csr, rs1', 'csrrc x0, imm, rs1'],
  ['csrwi', 'csr, zimm', 'csrrwi x0, imm, rs1'],
  ['csrsi', 'csr, zimm', 'csrrsi x0, imm, rs1'],
  ['csrci', 'csr, zimm', 'csrrci x0, imm, rs1'],
  ['fmv.s', 'fd, fs1', 'fsgnj.s rd, rs1, rs1'],
  ['fneg.s', 'fd, fs1', 'fsgnjn.s rd, rs1, rs1'],
  ['fabs.s', 'fd, fs1', 'fsgnjx.s rd, rs1, rs1'],
  ['fmv.d', 'fd, fs1', 'fsgnj.d rd, rs1, rs1'],
  ['fneg.d', 'fd, fs1', 'fsgnjn.d rd, rs1, rs1'],
  ['fabs.d', 'fd, fs1', 'fsgnjx.d rd, rs1, rs1'],
  ['pause', '', 'fence 1, 0'],
];

const understood: readonly [name: string, syntax: string, expansion: string][] = [
  ['jalr', 'rd, rs1, imm=0', 'jalr rd, imm(rs1)'],
  ['bgt', 'rs2, rs1, target', 'blt rs1, rs2, imm'],
  ['ble', 'rs2, rs1, target', 'bge rs1, rs2, imm'],
  ['bgtu', 'rs2, rs1, target', 'bltu rs1, rs2, imm'],
  ['bleu', 'rs2, rs1, target', 'bgeu rs1, rs2, imm'],
  ['sgt', 'rd, rs2, rs1', 'slt rd, rs1, rs2'],
  ['sgtu', 'rd, rs2, rs1', 'sltu rd, rs1, rs2'],
  ['move', 'rd, rs1', 'addi rd, rs1, 0'],
  ['fgt.s', 'rd, fs2, fs1', 'flt.s rd, rs1, rs2'],
  ['fge.s', 'rd, fs2, fs1', 'fle.s rd, rs1, rs2'],
  ['fgt.d', 'rd, fs2, fs1', 'flt.d rd, rs1, rs2'],
  ['fge.d', 'rd, fs2, fs1', 'fle.d rd, rs1, rs2'],
  ['fmv.x.s', 'rd, fs1', 'fmv.x.w rd, rs1'],
  ['fmv.s.x', 'fd, rs1', 'fmv.w.x rd, rs1'],
  // GNU's assembler turns these into their immediate forms.
  ['add', 'rd, rs1, imm', 'addi rd, rs1, imm'],
  ['and', 'rd, rs1, imm', 'andi rd, rs1, imm'],
  ['or', 'rd, rs1, imm', 'ori rd, rs1, imm'],
  ['xor', 'rd, rs1, imm', 'xori rd, rs1, imm'],
  ['sll', 'rd, rs1, shamt', 'slli rd, rs1, imm'],
  ['srl', 'rd, rs1, shamt', 'srli rd, rs1, imm'],
  ['sra', 'rd, rs1, shamt', 'srai rd, rs1, imm'],
  ['csrw', 'csr, zimm', 'csrrwi x0, imm, rs1'],
  ['csrs', 'csr, zimm', 'csrrsi x0, imm, rs1'],
  ['csrc', 'csr, zimm', 'csrrci x0, imm, rs1'],
];

const aliasOf =
  (isPrinted: boolean) =>
  ([name, syntax, expansion]: readonly [string, string, string]): Alias => {
    const { instruction, fields } = expansionOf(expansion, instructions, csrNumbers);
    return { name, syntax, expansion, slots: parseSyntax(syntax), instruction, fields, printed: isPrinted };
  };

export const aliases: readonly Alias[] = [...printed.map(aliasOf(true)), ...understood.map(aliasOf(false))];

/** FENCE.TSO: a fence whose fm field, which has no syntax of its own, is 1000. */
export const fenceTso = 0x8330000f | 0;
