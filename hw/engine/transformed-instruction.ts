// The transformed instruction that tinst holds for a guest page fault of an explicit access (privileged spec, 19.6.3).

import type { Context } from '../hart/context.ts';
import { decode } from '../isa/decode.ts';
import { instructions } from '../isa/table.ts';

/** `tval` is the faulting address: the "Addr. Offset" is its distance from the address that the instruction computes. */
export function transformedInstruction(word: number, context: Context, tval: bigint): bigint {
  const decoded = decode(word);
  if (!decoded) return 0n;
  const { op, rd, rs1, rs2, imm, length } = decoded;
  const { pattern } = instructions[op]!;
  const opcode = pattern.match & 0x7f;
  const isLoadOrStore = [0x03, 0x07, 0x23, 0x27].includes(opcode);
  const start = context.x(rs1) + (isLoadOrStore ? BigInt(imm) : 0n);
  const offset = Number(BigInt.asUintN(5, tval - start));
  let result = isLoadOrStore
    ? (pattern.match & 0x707f) | ([0x03, 0x07].includes(opcode) ? rd << 7 : rs2 << 20)
    : word & ~(31 << 15);
  result |= offset << 15;
  return BigInt(length === 2 ? result & ~2 : result) & 0xffff_ffffn;
}
