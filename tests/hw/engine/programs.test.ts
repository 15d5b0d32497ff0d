import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../hw/isa/assemble.ts';
import { Bench } from '../machine/bench.ts';

const mask = (1n << 64n) - 1n;
const u64 = (value: bigint): bigint => value & mask;
const s64 = (value: bigint): bigint => BigInt.asIntN(64, value);
const w = (value: bigint): bigint => u64(BigInt.asIntN(32, value));

/** What instructions of two registers compute, written down a second time with BigInt; operands are unsigned. */
const binary: Record<string, (a: bigint, b: bigint) => bigint> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  xor: (a, b) => a ^ b,
  or: (a, b) => a | b,
  and: (a, b) => a & b,
  sll: (a, b) => a << (b & 63n),
  srl: (a, b) => a >> (b & 63n),
  sra: (a, b) => s64(a) >> (b & 63n),
  slt: (a, b) => (s64(a) < s64(b) ? 1n : 0n),
  sltu: (a, b) => (a < b ? 1n : 0n),
  addw: (a, b) => w(a + b),
  subw: (a, b) => w(a - b),
  sllw: (a, b) => w(a << (b & 31n)),
  srlw: (a, b) => w((a & 0xffff_ffffn) >> (b & 31n)),
  sraw: (a, b) => w(BigInt.asIntN(32, a) >> (b & 31n)),
  mul: (a, b) => a * b,
  mulh: (a, b) => (s64(a) * s64(b)) >> 64n,
  mulhu: (a, b) => (a * b) >> 64n,
  mulhsu: (a, b) => (s64(a) * b) >> 64n,
  div: (a, b) => (b === 0n ? -1n : s64(a) / s64(b)),
  divu: (a, b) => (b === 0n ? -1n : a / b),
  rem: (a, b) => (b === 0n ? a : s64(a) % s64(b)),
  remu: (a, b) => (b === 0n ? a : a % b),
  mulw: (a, b) => w(a * b),
  sh1add: (a, b) => (a << 1n) + b,
  sh3add: (a, b) => (a << 3n) + b,
  andn: (a, b) => a & ~b,
  max: (a, b) => (s64(a) > s64(b) ? a : b),
  minu: (a, b) => (a < b ? a : b),
  rol: (a, b) => (a << (b & 63n)) | (a >> ((64n - b) & 63n)),
  bext: (a, b) => (a >> (b & 63n)) & 1n,
  binv: (a, b) => a ^ (1n << (b & 63n)),
};
const immediate: Record<string, (a: bigint, imm: bigint) => bigint> = {
  addi: (a, imm) => a + imm,
  xori: (a, imm) => a ^ u64(imm),
  ori: (a, imm) => a | u64(imm),
  andi: (a, imm) => a & u64(imm),
  slti: (a, imm) => (s64(a) < imm ? 1n : 0n),
  sltiu: (a, imm) => (a < u64(imm) ? 1n : 0n),
  addiw: (a, imm) => w(a + imm),
};
const loads: Record<string, [size: number, signed: boolean]> = {
  lb: [1, true],
  lbu: [1, false],
  lh: [2, true],
  lhu: [2, false],
  lw: [4, true],
  lwu: [4, false],
  ld: [8, true],
};
const stores: Record<string, number> = { sb: 1, sh: 2, sw: 4, sd: 8 };
const branches: Record<string, (a: bigint, b: bigint) => boolean> = {
  beq: (a, b) => a === b,
  bne: (a, b) => a !== b,
  blt: (a, b) => s64(a) < s64(b),
  bge: (a, b) => s64(a) >= s64(b),
  bltu: (a, b) => a < b,
  bgeu: (a, b) => a >= b,
};

/** x8 to x15 are computed with; x31 is the middle of a buffer that straddles pages. */
const register = fc.integer({ min: 8, max: 15 });
const imm12 = fc.bigInt(-2048n, 2047n);
type Operation =
  | { kind: 'binary'; name: string; rd: number; rs1: number; rs2: number }
  | { kind: 'immediate'; name: string; rd: number; rs1: number; imm: bigint }
  | { kind: 'load' | 'store'; name: string; rd: number; imm: bigint }
  | { kind: 'branch'; name: string; rs1: number; rs2: number; over: number };
const oneOf = (table: object): fc.Arbitrary<string> => fc.constantFrom(...Object.keys(table));
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant('binary' as const), name: oneOf(binary), rd: register, rs1: register, rs2: register }),
  fc.record({
    kind: fc.constant('immediate' as const),
    name: oneOf(immediate),
    rd: register,
    rs1: register,
    imm: imm12,
  }),
  fc.record({ kind: fc.constant('load' as const), name: oneOf(loads), rd: register, imm: imm12 }),
  fc.record({ kind: fc.constant('store' as const), name: oneOf(stores), rd: register, imm: imm12 }),
  fc.record({
    kind: fc.constant('branch' as const),
    name: oneOf(branches),
    rs1: register,
    rs2: register,
    over: fc.integer({ min: 1, max: 4 }),
  }),
);

const text = (op: Operation): string => {
  switch (op.kind) {
    case 'binary':
      return `${op.name} x${op.rd}, x${op.rs1}, x${op.rs2}`;
    case 'immediate':
      return `${op.name} x${op.rd}, x${op.rs1}, ${op.imm}`;
    case 'load':
    case 'store':
      return `${op.name} x${op.rd}, ${op.imm}(x31)`;
    case 'branch':
      return `${op.name} x${op.rs1}, x${op.rs2}, . + ${4 * (op.over + 1)}`;
  }
};

const bufferSize = 4096 + 8;
/** The buffer's first byte: 2,048 before a page boundary. */
const buffer = 0x8001_0800n;

class Oracle {
  readonly x: bigint[];
  readonly memory = new Uint8Array(bufferSize);
  retired = 0;

  constructor(initial: readonly bigint[]) {
    this.x = [...initial];
  }

  run(program: readonly Operation[]): void {
    for (let at = 0; at < program.length; at++) {
      const op = program[at]!;
      this.retired++;
      const { x, memory } = this;
      if (op.kind === 'binary') x[op.rd] = u64(binary[op.name]!(x[op.rs1]!, x[op.rs2]!));
      else if (op.kind === 'immediate') x[op.rd] = u64(immediate[op.name]!(x[op.rs1]!, op.imm));
      else if (op.kind === 'branch') {
        if (branches[op.name]!(x[op.rs1]!, x[op.rs2]!)) at += op.over;
      } else {
        const offset = Number(op.imm) + 2048;
        if (op.kind === 'store') {
          for (let byte = 0; byte < stores[op.name]!; byte++)
            memory[offset + byte] = Number((x[op.rd]! >> BigInt(8 * byte)) & 0xffn);
        } else {
          const [size, signed] = loads[op.name]!;
          let value = 0n;
          for (let byte = size - 1; byte >= 0; byte--) value = (value << 8n) | BigInt(memory[offset + byte]!);
          x[op.rd] = u64(signed ? BigInt.asIntN(8 * size, value) : value);
        }
      }
    }
  }
}

const value = fc.oneof(
  fc.bigInt(0n, mask),
  fc.constantFrom(0n, 1n, mask, 1n << 63n, (1n << 63n) - 1n, 0x8000_0000n, 0xffff_ffffn),
);

describe('a random program', () => {
  it('leaves the registers and memory that an independent calculation says, whatever the slices', () => {
    const bench = new Bench('j .');
    const hart = bench.machine.harts[0]!;
    fc.assert(
      fc.property(
        fc.array(operation, { minLength: 1, maxLength: 60 }),
        fc.array(value, { minLength: 8, maxLength: 8 }),
        fc.integer({ min: 1, max: 70 }),
        (program, initial, slice) => {
          const oracle = new Oracle([...new Array<bigint>(8).fill(0n), ...initial]);
          oracle.run(program);
          // A branch may leave by up to four instructions.
          const code = assemble(`${program.map(text).join('\n')}\n${'j .\n'.repeat(5)}`, {
            origin: 0x8000_0000n,
          }).bytes;
          bench.machine.writeMemory(0x8000_0000, code);
          bench.machine.writeMemory(Number(buffer), new Uint8Array(bufferSize));
          hart.context.pc = 0x8000_0000n;
          for (const [index, content] of initial.entries()) hart.context.setX(8 + index, s64(content));
          hart.context.setX(31, buffer + 2048n);
          const start = bench.machine.cycles(hart);
          for (let at = 0; at < oracle.retired; at += slice) bench.run(start + Math.min(oracle.retired, at + slice));
          for (let index = 8; index < 16; index++) expect(u64(hart.context.x(index))).toBe(oracle.x[index]);
          expect(bench.machine.readMemory(Number(buffer), bufferSize)).toEqual(oracle.memory);
          expect(bench.pc()).toBeGreaterThanOrEqual(0x8000_0000n + 4n * BigInt(program.length));
        },
      ),
      { numRuns: 300 },
    );
  });
});
