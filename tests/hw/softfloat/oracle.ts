// An oracle for floating point: exact real numbers in BigInt, rounded as IEEE 754 words it. Shares nothing with hw/.

export interface Outcome {
  result: bigint;
  flags: number;
}

export const flag = { inexact: 1, underflow: 2, overflow: 4, divideByZero: 8, invalid: 16 } as const;

interface Parameters {
  width: bigint;
  precision: bigint;
  maxExponent: bigint;
}
const formats: Record<string, Parameters> = {
  s: { width: 32n, precision: 24n, maxExponent: 127n },
  d: { width: 64n, precision: 53n, maxExponent: 1023n },
};

type Datum =
  | { kind: 'nan'; signalling: boolean }
  | { kind: 'infinite'; negative: boolean }
  | { kind: 'finite'; negative: boolean; value: Fraction };

/** A non-negative rational. */
interface Fraction {
  n: bigint;
  d: bigint;
}

/** A positive real number, known by the floor of its product with any power of two. */
interface Real {
  floorTimesPowerOf2(k: bigint): { floor: bigint; exact: boolean };
}

const bitLength = (n: bigint): bigint => BigInt(n.toString(2).length);
const power = (k: bigint): bigint => 1n << k;
const absolute = (n: bigint): bigint => (n < 0n ? -n : n);

const scale = ({ n, d }: Fraction, k: bigint): Fraction => (k >= 0n ? { n: n << k, d } : { n, d: d << -k });

const rational = (value: Fraction): Real => ({
  floorTimesPowerOf2(k) {
    const { n, d } = scale(value, k);
    return { floor: n / d, exact: n % d === 0n };
  },
});

function integerRoot(n: bigint): bigint {
  if (n < 2n) return n;
  let guess = power((bitLength(n) + 1n) / 2n);
  for (;;) {
    const next = (guess + n / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}

const squareRoot = (value: Fraction): Real => ({
  floorTimesPowerOf2(k) {
    const { n, d } = scale(value, 2n * k);
    const floor = integerRoot(n / d);
    return { floor, exact: floor * floor * d === n };
  },
});

/** The integer that `real × 2^k` is rounded to. */
function roundAt(real: Real, k: bigint, negative: boolean, rm: number): { integer: bigint; exact: boolean } {
  const { floor: doubled, exact } = real.floorTimesPowerOf2(k + 1n);
  const floor = doubled >> 1n;
  const atLeastHalf = (doubled & 1n) === 1n;
  if (exact && !atLeastHalf) return { integer: floor, exact: true };
  const tie = exact && atLeastHalf;
  const up = [tie ? (floor & 1n) === 1n : atLeastHalf, false, negative, !negative, atLeastHalf][rm]!;
  return { integer: up ? floor + 1n : floor, exact: false };
}

function decode(format: Parameters, bits: bigint): Datum {
  const fractionBits = format.precision - 1n;
  const negative = bits >> (format.width - 1n) === 1n;
  const exponent = (bits >> fractionBits) & (2n * format.maxExponent + 1n);
  const fraction = bits & (power(fractionBits) - 1n);
  if (exponent === 2n * format.maxExponent + 1n) {
    if (fraction === 0n) return { kind: 'infinite', negative };
    return { kind: 'nan', signalling: fraction >> (fractionBits - 1n) === 0n };
  }
  const significand = exponent === 0n ? fraction : fraction + power(fractionBits);
  const scaleBy = (exponent === 0n ? 1n : exponent) - format.maxExponent - fractionBits;
  return { kind: 'finite', negative, value: scale({ n: significand, d: 1n }, scaleBy) };
}

class Arithmetic {
  constructor(readonly format: Parameters) {}

  private signed(negative: boolean, magnitude: bigint): bigint {
    return magnitude | (negative ? power(this.format.width - 1n) : 0n);
  }
  get infinity(): bigint {
    return (2n * this.format.maxExponent + 1n) << (this.format.precision - 1n);
  }
  nan(flags = 0): Outcome {
    return { result: this.infinity + power(this.format.precision - 2n), flags };
  }
  infinite(negative: boolean, flags = 0): Outcome {
    return { result: this.signed(negative, this.infinity), flags };
  }
  zero(negative: boolean): Outcome {
    return { result: this.signed(negative, 0n), flags: 0 };
  }

  /** Rounds a positive real, of which `near` is a value that differs by a factor of less than 2. */
  round(real: Real, near: Fraction, negative: boolean, rm: number): Outcome {
    const { precision, maxExponent } = this.format;
    let exponent = bitLength(near.n) - bitLength(near.d) - 2n;
    while (real.floorTimesPowerOf2(-exponent - 1n).floor > 0n) exponent++;
    const minExponent = 1n - maxExponent;
    const unbounded = roundAt(real, precision - 1n - exponent, negative, rm);
    const tiny = exponent < minExponent && (exponent + 1n < minExponent || unbounded.integer < power(precision));
    const lowestDigit = (exponent < minExponent ? minExponent : exponent) - precision + 1n;
    const { integer, exact } = roundAt(real, -lowestDigit, negative, rm);
    const flags = exact ? 0 : tiny ? flag.inexact | flag.underflow : flag.inexact;
    if (integer === 0n) return { result: this.signed(negative, 0n), flags };
    const top = bitLength(integer) - 1n + lowestDigit;
    if (top > maxExponent) {
      const toInfinity = [true, false, negative, !negative, true][rm]!;
      const magnitude = toInfinity ? this.infinity : this.infinity - 1n;
      return { result: this.signed(negative, magnitude), flags: flag.overflow | flag.inexact };
    }
    if (top < minExponent) return { result: this.signed(negative, integer), flags };
    const significand = scale({ n: integer, d: 1n }, lowestDigit - top + precision - 1n);
    const fraction = significand.n / significand.d - power(precision - 1n);
    return { result: this.signed(negative, ((top + maxExponent) << (precision - 1n)) + fraction), flags };
  }

  rational(n: bigint, d: bigint, negative: boolean, rm: number): Outcome {
    return this.round(rational({ n, d }), { n, d }, negative, rm);
  }

  /** a × b + c, where `c` may be absent: then only the product. */
  fused(a: Datum, b: Datum, c: Datum | undefined, rm: number): Outcome {
    const isZero = (x: Datum) => x.kind === 'finite' && x.value.n === 0n;
    if ((a.kind === 'infinite' && isZero(b)) || (isZero(a) && b.kind === 'infinite')) return this.nan(flag.invalid);
    const nan = this.ofNaNs(c ? [a, b, c] : [a, b]);
    if (nan) return nan;
    if (a.kind === 'nan' || b.kind === 'nan' || c?.kind === 'nan') throw new Error('unreachable');
    const negative = a.negative !== b.negative;
    if (a.kind === 'infinite' || b.kind === 'infinite') {
      if (c?.kind === 'infinite' && c.negative !== negative) return this.nan(flag.invalid);
      return this.infinite(negative);
    }
    const product = { n: a.value.n * b.value.n, d: a.value.d * b.value.d };
    if (!c) return product.n === 0n ? this.zero(negative) : this.rational(product.n, product.d, negative, rm);
    if (c.kind === 'infinite') return this.infinite(c.negative);
    const n = (negative ? -1n : 1n) * product.n * c.value.d + (c.negative ? -1n : 1n) * c.value.n * product.d;
    if (n !== 0n) return this.rational(absolute(n), product.d * c.value.d, n < 0n, rm);
    return this.zero(negative === c.negative ? negative : rm === 2);
  }

  divide(a: Datum, b: Datum, rm: number): Outcome {
    const nan = this.ofNaNs([a, b]);
    if (nan) return nan;
    if (a.kind === 'nan' || b.kind === 'nan') throw new Error('unreachable');
    const negative = a.negative !== b.negative;
    if (a.kind === 'infinite') return b.kind === 'infinite' ? this.nan(flag.invalid) : this.infinite(negative);
    if (b.kind === 'infinite') return this.zero(negative);
    if (b.value.n === 0n) {
      return a.value.n === 0n ? this.nan(flag.invalid) : this.infinite(negative, flag.divideByZero);
    }
    if (a.value.n === 0n) return this.zero(negative);
    return this.rational(a.value.n * b.value.d, a.value.d * b.value.n, negative, rm);
  }

  root(a: Datum, rm: number): Outcome {
    if (a.kind === 'nan') return this.ofNaNs([a])!;
    if (a.kind === 'finite' && a.value.n === 0n) return this.zero(a.negative);
    if (a.negative) return this.nan(flag.invalid);
    if (a.kind === 'infinite') return this.infinite(false);
    const { n, d } = a.value;
    const near = { n: integerRoot((n << 200n) / d + 1n), d: 1n << 100n };
    const tiny = n << 150n < d; // far below 1: estimate through the reciprocal
    const nearTiny = { n: 1n, d: integerRoot(d / n) };
    return this.round(squareRoot(a.value), tiny ? nearTiny : near, false, rm);
  }

  ofNaNs(operands: Datum[]): Outcome | undefined {
    const nans = operands.filter((x) => x.kind === 'nan');
    if (nans.length === 0) return undefined;
    return this.nan(nans.some((x) => x.signalling) ? flag.invalid : 0);
  }

  /** Any datum, whatever its format, in this one. */
  convert(a: Datum, rm: number): Outcome {
    if (a.kind === 'nan') return this.ofNaNs([a])!;
    if (a.kind === 'infinite') return this.infinite(a.negative);
    if (a.value.n === 0n) return this.zero(a.negative);
    return this.rational(a.value.n, a.value.d, a.negative, rm);
  }
}

const integers: Record<string, { bits: number; min: bigint; max: bigint }> = {
  w: { bits: 32, min: -(2n ** 31n), max: 2n ** 31n - 1n },
  wu: { bits: 32, min: 0n, max: 2n ** 32n - 1n },
  l: { bits: 64, min: -(2n ** 63n), max: 2n ** 63n - 1n },
  lu: { bits: 64, min: 0n, max: 2n ** 64n - 1n },
};

function toInteger(a: Datum, name: string, rm: number): Outcome {
  const { bits, min, max } = integers[name]!;
  const register = (value: bigint) => BigInt.asUintN(64, BigInt.asIntN(bits, value));
  if (a.kind === 'nan') return { result: register(max), flags: flag.invalid };
  if (a.kind === 'infinite') return { result: register(a.negative ? min : max), flags: flag.invalid };
  const { integer, exact } = roundAt(rational(a.value), 0n, a.negative, rm);
  const value = a.negative ? -integer : integer;
  if (value < min) return { result: register(min), flags: flag.invalid };
  if (value > max) return { result: register(max), flags: flag.invalid };
  return { result: register(value), flags: exact ? 0 : flag.inexact };
}

function classOf(bits: bigint, format: Parameters): bigint {
  const datum = decode(format, bits);
  if (datum.kind === 'nan') return datum.signalling ? 1n << 8n : 1n << 9n;
  if (datum.kind === 'infinite') return datum.negative ? 1n << 0n : 1n << 7n;
  const { n, d } = datum.value;
  const normal = n * power(format.maxExponent - 1n) >= d;
  if (n === 0n) return datum.negative ? 1n << 3n : 1n << 4n;
  if (normal) return datum.negative ? 1n << 1n : 1n << 6n;
  return datum.negative ? 1n << 2n : 1n << 5n;
}

/** Less than 0, 0 or more; not for NaNs. */
function order(a: Datum, b: Datum): number {
  const rank = (x: Datum): Fraction => {
    if (x.kind === 'nan') throw new Error('a NaN has no order');
    const value = x.kind === 'finite' ? x.value : { n: power(2000n), d: 1n };
    return x.negative ? { n: -value.n, d: value.d } : value;
  };
  const [x, y] = [rank(a), rank(b)];
  const difference = x.n * y.d - y.n * x.d;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

const boxing = 0xffff_ffffn << 32n;

/** What instruction `name` does to raw register contents, according to the unprivileged specification. */
export function expected(name: string, rm: number, a: bigint, b: bigint, c: bigint): Outcome {
  const [operation, first, second] = name.split('.') as [string, string, string | undefined];
  const unbox = (suffix: string, raw: bigint): bigint => {
    if (suffix === 'd') return raw;
    return raw >= boxing ? raw - boxing : 0x7fc0_0000n;
  };
  const box = (suffix: string, outcome: Outcome): Outcome =>
    suffix === 's' ? { ...outcome, result: outcome.result | boxing } : outcome;

  if (operation === 'fcvt') {
    const [to, from] = [first, second!];
    if (to in integers) return toInteger(decode(formats[from]!, unbox(from, a)), to, rm);
    const target = new Arithmetic(formats[to]!);
    if (from in formats) return box(to, target.convert(decode(formats[from]!, unbox(from, a)), rm));
    const { bits, min } = integers[from]!;
    const value = min < 0n ? BigInt.asIntN(bits, a) : BigInt.asUintN(bits, a);
    if (value === 0n) return box(to, target.zero(false));
    return box(to, target.rational(absolute(value), 1n, value < 0n, rm));
  }

  const suffix = first;
  const format = formats[suffix]!;
  const arithmetic = new Arithmetic(format);
  const bits = [a, b, c].map((raw) => unbox(suffix, raw)) as [bigint, bigint, bigint];
  const [x, y, z] = bits.map((each) => decode(format, each)) as [Datum, Datum, Datum];
  const negate = (datum: Datum): Datum => (datum.kind === 'nan' ? datum : { ...datum, negative: !datum.negative });
  const one: Datum = { kind: 'finite', negative: false, value: { n: 1n, d: 1n } };
  const integer = (value: bigint, flags = 0): Outcome => ({ result: value, flags });
  const signalling = [x, y].some((each) => each.kind === 'nan' && each.signalling);
  const unordered = x.kind === 'nan' || y.kind === 'nan';
  const injected = (negative: boolean): Outcome =>
    box(suffix, {
      result: (bits[0] & ~power(format.width - 1n)) | (negative ? power(format.width - 1n) : 0n),
      flags: 0,
    });
  const isNegative = (each: bigint) => each >> (format.width - 1n) === 1n;

  switch (operation) {
    case 'fadd':
      return box(suffix, arithmetic.fused(x, one, y, rm));
    case 'fsub':
      return box(suffix, arithmetic.fused(x, one, negate(y), rm));
    case 'fmul':
      return box(suffix, arithmetic.fused(x, y, undefined, rm));
    case 'fdiv':
      return box(suffix, arithmetic.divide(x, y, rm));
    case 'fsqrt':
      return box(suffix, arithmetic.root(x, rm));
    case 'fmadd':
      return box(suffix, arithmetic.fused(x, y, z, rm));
    case 'fmsub':
      return box(suffix, arithmetic.fused(x, y, negate(z), rm));
    case 'fnmsub':
      return box(suffix, arithmetic.fused(negate(x), y, z, rm));
    case 'fnmadd':
      return box(suffix, arithmetic.fused(negate(x), y, negate(z), rm));
    case 'feq':
      if (unordered) return integer(0n, signalling ? flag.invalid : 0);
      return integer(order(x, y) === 0 ? 1n : 0n);
    case 'flt':
      if (unordered) return integer(0n, flag.invalid);
      return integer(order(x, y) < 0 ? 1n : 0n);
    case 'fle':
      if (unordered) return integer(0n, flag.invalid);
      return integer(order(x, y) <= 0 ? 1n : 0n);
    case 'fmin':
    case 'fmax': {
      const flags = signalling ? flag.invalid : 0;
      if (x.kind === 'nan' && y.kind === 'nan') return box(suffix, arithmetic.nan(flags));
      if (x.kind === 'nan') return box(suffix, { result: bits[1], flags });
      if (y.kind === 'nan') return box(suffix, { result: bits[0], flags });
      const less = order(x, y) < 0 || (order(x, y) === 0 && x.negative);
      return box(suffix, { result: less === (operation === 'fmin') ? bits[0] : bits[1], flags });
    }
    case 'fclass':
      return integer(classOf(bits[0], format));
    case 'fsgnj':
      return injected(isNegative(bits[1]));
    case 'fsgnjn':
      return injected(!isNegative(bits[1]));
    case 'fsgnjx':
      return injected(isNegative(bits[0]) !== isNegative(bits[1]));
    default:
      throw new Error(`no such operation: ${name}`);
  }
}
