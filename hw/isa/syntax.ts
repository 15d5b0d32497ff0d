// Assembler operands: what a row's `syntax` such as `rd, imm(rs1)` says.
//
//   rd rs1 rs2 rs3   x registers; fd fs1 fs2 fs3 f registers in the same fields; sp is x2 and nothing else
//   imm shamt        a plain immediate; `upper` is written shifted right by 12; `target` is written as an address
//   csr zimm rm pred succ   as in the encoding
//   imm(rs1) (rs1)   a memory operand
//   name=default     may be left out, and is not printed when it equals the default

import type { FieldName } from './encoding.ts';

export type OperandKind =
  | { kind: 'register'; file: 'x' | 'f'; field: 'rd' | 'rs1' | 'rs2' | 'rs3' }
  | { kind: 'sp' }
  | { kind: 'imm' | 'shamt' | 'upper' | 'target' | 'csr' }
  | { kind: 'zimm' }
  | { kind: 'rm' }
  | { kind: 'ordering'; field: 'pred' | 'succ' };

export type Operand = OperandKind & { name: string; default?: string };
export type Slot = { form: 'plain'; operand: Operand } | { form: 'memory'; offset: Operand | undefined; base: Operand };

function parseOperand(text: string): Operand {
  const [name, fallback] = text.split('=') as [string, string | undefined];
  const more = fallback === undefined ? { name } : { name, default: fallback };
  switch (name) {
    case 'rd':
    case 'rs1':
    case 'rs2':
    case 'rs3':
      return { kind: 'register', file: 'x', field: name, ...more };
    case 'fd':
      return { kind: 'register', file: 'f', field: 'rd', ...more };
    case 'fs1':
    case 'fs2':
    case 'fs3':
      return { kind: 'register', file: 'f', field: `r${name.slice(1)}` as 'rs1' | 'rs2' | 'rs3', ...more };
    case 'imm':
    case 'shamt':
    case 'upper':
    case 'target':
    case 'csr':
    case 'sp':
    case 'zimm':
    case 'rm':
      return { kind: name, ...more };
    case 'pred':
    case 'succ':
      return { kind: 'ordering', field: name, ...more };
    default:
      throw new Error(`unknown operand in a syntax: ${text}`);
  }
}

export function parseSyntax(syntax: string): Slot[] {
  if (syntax === '') return [];
  return syntax.split(', ').map((text): Slot => {
    const memory = /^(.*)\((\w+)\)$/.exec(text);
    if (!memory) return { form: 'plain', operand: parseOperand(text) };
    return { form: 'memory', offset: memory[1] ? parseOperand(memory[1]) : undefined, base: parseOperand(memory[2]!) };
  });
}

/** The operands of a syntax in the order they are written. */
export function operandsOf(slots: readonly Slot[]): Operand[] {
  return slots.flatMap((slot) =>
    slot.form === 'plain' ? [slot.operand] : slot.offset ? [slot.offset, slot.base] : [slot.base],
  );
}

/** The field that an operand is encoded in; undefined for a fixed register. */
export function fieldOf(operand: OperandKind): FieldName | undefined {
  switch (operand.kind) {
    case 'register':
    case 'ordering':
      return operand.field;
    case 'zimm':
      return 'rs1';
    case 'rm':
      return 'rm';
    case 'sp':
      return undefined;
    default:
      return 'imm';
  }
}
