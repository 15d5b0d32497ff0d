// What the integer instructions compute, in arbitrary-precision arithmetic and apart from the table.

const s64 = (value: bigint): bigint => BigInt.asIntN(64, value);
const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const s32 = (value: bigint): bigint => BigInt.asIntN(32, value);
const u32 = (value: bigint): bigint => BigInt.asUintN(32, value);
const bit = (condition: boolean): bigint => (condition ? 1n : 0n);
const pick = (first: boolean, a: bigint, b: bigint): bigint => (first ? a : b);
const bitsOf = (value: bigint, width: number): string => BigInt.asUintN(width, value).toString(2).padStart(width, '0');
const ones = (value: bigint, width: number): bigint =>
  BigInt([...bitsOf(value, width)].filter((b) => b === '1').length);
const leading = (value: bigint, width: number): bigint => BigInt(`${bitsOf(value, width)}1`.indexOf('1'));
const trailing = (value: bigint, width: number): bigint =>
  BigInt(`${[...bitsOf(value, width)].reverse().join('')}1`.indexOf('1'));
const rotateLeft = (value: bigint, by: bigint, width: number): bigint => {
  const bits = bitsOf(value, width);
  const n = Number(by) % width;
  return BigInt(`0b${bits.slice(n)}${bits.slice(0, n)}`);
};
const bytesOf = (value: bigint): bigint[] => Array.from({ length: 8 }, (_, i) => (u64(value) >> BigInt(8 * i)) & 0xffn);
const fromBytes = (bytes: bigint[]): bigint => bytes.reduceRight((sum, byte) => (sum << 8n) | byte, 0n);

const quotient = (a: bigint, b: bigint): bigint => (b === 0n ? -1n : a / b);
const remainder = (a: bigint, b: bigint): bigint => (b === 0n ? a : a % b);

/** Operands are signed 64-bit values; the result is taken modulo 2^64. `b` is rs2 or the immediate. */
export type Model = (a: bigint, b: bigint) => bigint;

const withImmediate: Record<string, Model> = {
  add: (a, b) => a + b,
  slt: (a, b) => bit(a < b),
  sltu: (a, b) => bit(u64(a) < u64(b)),
  xor: (a, b) => a ^ b,
  or: (a, b) => a | b,
  and: (a, b) => a & b,
  sll: (a, b) => a << (b & 63n),
  srl: (a, b) => u64(a) >> (b & 63n),
  sra: (a, b) => a >> (b & 63n),
  addw: (a, b) => s32(a + b),
  sllw: (a, b) => s32(a << (b & 31n)),
  srlw: (a, b) => s32(u32(a) >> (b & 31n)),
  sraw: (a, b) => s32(a) >> (b & 31n),
  ror: (a, b) => rotateLeft(a, 64n - (b & 63n), 64),
  rorw: (a, b) => s32(rotateLeft(a, 32n - (b & 31n), 32)),
  bclr: (a, b) => a & ~(1n << (b & 63n)),
  bext: (a, b) => (a >> (b & 63n)) & 1n,
  binv: (a, b) => a ^ (1n << (b & 63n)),
  bset: (a, b) => a | (1n << (b & 63n)),
};

const immediateName = (name: string): string =>
  name === 'sltu' ? 'sltiu' : name.endsWith('w') && name !== 'w' ? `${name.slice(0, -1)}iw` : `${name}i`;

export const models: Record<string, Model> = {
  ...withImmediate,
  ...Object.fromEntries(Object.entries(withImmediate).map(([name, model]) => [immediateName(name), model])),
  sub: (a, b) => a - b,
  subw: (a, b) => s32(a - b),
  mul: (a, b) => a * b,
  mulh: (a, b) => (a * b) >> 64n,
  mulhsu: (a, b) => (a * u64(b)) >> 64n,
  mulhu: (a, b) => (u64(a) * u64(b)) >> 64n,
  mulw: (a, b) => s32(a * b),
  div: quotient,
  divu: (a, b) => quotient(u64(a), u64(b)),
  rem: remainder,
  remu: (a, b) => remainder(u64(a), u64(b)),
  divw: (a, b) => s32(quotient(s32(a), s32(b))),
  divuw: (a, b) => s32(quotient(u32(a), u32(b))),
  remw: (a, b) => s32(remainder(s32(a), s32(b))),
  remuw: (a, b) => s32(remainder(u32(a), u32(b))),
  'add.uw': (a, b) => u32(a) + b,
  sh1add: (a, b) => a * 2n + b,
  sh2add: (a, b) => a * 4n + b,
  sh3add: (a, b) => a * 8n + b,
  'sh1add.uw': (a, b) => u32(a) * 2n + b,
  'sh2add.uw': (a, b) => u32(a) * 4n + b,
  'sh3add.uw': (a, b) => u32(a) * 8n + b,
  'slli.uw': (a, b) => u32(a) << (b & 63n),
  andn: (a, b) => a & ~b,
  orn: (a, b) => a | ~b,
  xnor: (a, b) => ~(a ^ b),
  clz: (a) => leading(a, 64),
  clzw: (a) => leading(a, 32),
  ctz: (a) => trailing(a, 64),
  ctzw: (a) => trailing(a, 32),
  cpop: (a) => ones(a, 64),
  cpopw: (a) => ones(a, 32),
  max: (a, b) => pick(a > b, a, b),
  maxu: (a, b) => pick(u64(a) > u64(b), a, b),
  min: (a, b) => pick(a < b, a, b),
  minu: (a, b) => pick(u64(a) < u64(b), a, b),
  'sext.b': (a) => BigInt.asIntN(8, a),
  'sext.h': (a) => BigInt.asIntN(16, a),
  'zext.h': (a) => BigInt.asUintN(16, a),
  rol: (a, b) => rotateLeft(a, b & 63n, 64),
  rolw: (a, b) => s32(rotateLeft(a, b & 31n, 32)),
  'orc.b': (a) => fromBytes(bytesOf(a).map((byte) => (byte === 0n ? 0n : 0xffn))),
  rev8: (a) => fromBytes(bytesOf(a).reverse()),
  lui: (_a, b) => b,
};

/** Whether a branch is taken. */
export const branches: Record<string, (a: bigint, b: bigint) => boolean> = {
  beq: (a, b) => a === b,
  bne: (a, b) => a !== b,
  blt: (a, b) => a < b,
  bge: (a, b) => a >= b,
  bltu: (a, b) => u64(a) < u64(b),
  bgeu: (a, b) => u64(a) >= u64(b),
};

/** What read-modify-write instructions store, given the old value and rs2 as signed values of their width. */
export const atomics: Record<string, Model> = {
  amoswap: (_old, operand) => operand,
  amoadd: (old, operand) => old + operand,
  amoxor: (old, operand) => old ^ operand,
  amoand: (old, operand) => old & operand,
  amoor: (old, operand) => old | operand,
  amomin: (old, operand) => pick(old < operand, old, operand),
  amomax: (old, operand) => pick(old > operand, old, operand),
  amominu: (old, operand) => pick(u64(old) < u64(operand), old, operand),
  amomaxu: (old, operand) => pick(u64(old) > u64(operand), old, operand),
};

export const wrap = s64;
