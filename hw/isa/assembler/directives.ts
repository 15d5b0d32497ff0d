// Directives that place bytes. Those that only change the assembler's state are in `assemble.ts`.

import { evaluate, type Scope } from './expression.ts';
import { Mistake } from './issue.ts';
import { type Statement, stringBytes, type Text } from './source.ts';

export interface Directive {
  /** Bytes at this address. What it depends on must be known so far. */
  size(statement: Statement, scope: Scope, state: { code: boolean }): number;
  /** Fills `bytes`, which has the size that was told and is zero. */
  fill(bytes: Uint8Array, statement: Statement, scope: Scope, state: { code: boolean }): void;
}

/** The largest image that is built; a typing error must not exhaust the host. */
export const maxImage = 256 * 1024 * 1024;

/** A count of bytes, known so far. */
function count(written: Text | undefined, statement: Statement, scope: Scope): number {
  if (!written) throw new Mistake(`${statement.name!.text} needs a number`, statement.name!);
  const value = evaluate(written, scope);
  if (value < 0n || value > BigInt(maxImage)) throw new Mistake(`${value} is not in 0 to ${maxImage}`, written);
  return Number(value);
}

function integer(written: Text, scope: Scope, bytes: number): bigint {
  const value = evaluate(written, scope);
  const bits = BigInt(bytes * 8);
  if (value < -(2n ** (bits - 1n)) || value >= 2n ** bits) {
    throw new Mistake(`${value} does not fit ${bytes} byte${bytes > 1 ? 's' : ''}`, written);
  }
  return BigInt.asUintN(bytes * 8, value);
}

function put(bytes: Uint8Array, at: number, size: number, value: bigint): void {
  for (let i = 0; i < size; i++) bytes[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
}

const integers = (size: number): Directive => ({
  size: ({ operands }) => operands.length * size,
  fill: (bytes, { operands }, scope) => {
    for (const [index, written] of operands.entries()) {
      const at = index * size;
      put(bytes, at, size, integer(written, { ...scope, here: scope.here + BigInt(at) }, size));
    }
  },
});

const strings = (terminator: number): Directive => ({
  size: ({ operands }) => operands.reduce((sum, written) => sum + stringBytes(written).length + terminator, 0),
  fill: (bytes, { operands }) => {
    let at = 0;
    for (const written of operands) {
      const text = stringBytes(written);
      bytes.set(text, at);
      at += text.length + terminator;
    }
  },
});

const space: Directive = {
  size: (statement, scope) => count(statement.operands[0], statement, scope),
  fill: (bytes, { operands }, scope) => {
    if (operands[1]) bytes.fill(Number(integer(operands[1], scope, 1)));
  },
};

const nop = 0x00000013n;
const compressedNop = 0x0001n;

/** Alignment to a boundary in bytes; in code with nops, elsewhere with zeros or the given byte. */
const alignment = (boundaryOf: (n: number) => number): Directive => ({
  size: (statement, scope) => {
    const boundary = boundaryOf(count(statement.operands[0], statement, scope));
    if (boundary < 1 || boundary > maxImage || (boundary & (boundary - 1)) !== 0) {
      throw new Mistake('an alignment must be a power of two', statement.operands[0]!);
    }
    return Number(BigInt.asUintN(64, -scope.here) % BigInt(boundary));
  },
  fill: (bytes, { operands }, scope, { code }) => {
    const fillByte = operands[1];
    if (fillByte && fillByte.text !== '') {
      bytes.fill(Number(integer(fillByte, scope, 1)));
    } else if (code) {
      let at = bytes.length % 2;
      if ((bytes.length - at) % 4 !== 0) {
        put(bytes, at, 2, compressedNop);
        at += 2;
      }
      for (; at < bytes.length; at += 4) put(bytes, at, 4, nop);
    }
  },
});

const power = alignment((n) => (n > 28 ? 0 : 2 ** n));

const fillDirective: Directive = {
  size: (statement, scope) => {
    const times = count(statement.operands[0], statement, scope);
    const size = statement.operands[1] ? count(statement.operands[1], statement, scope) : 1;
    if (size > 8) throw new Mistake('the size of a .fill is at most 8', statement.operands[1]!);
    return times * size;
  },
  fill: (bytes, { operands }, scope) => {
    const size = operands[1] ? Number(evaluate(operands[1], scope)) : 1;
    if (size === 0 || !operands[2]) return;
    const value = integer(operands[2], scope, size);
    for (let at = 0; at < bytes.length; at += size) put(bytes, at, size, value);
  },
};

/** Moves on to an address of the image. */
const org: Directive = {
  size: (statement, scope) => {
    const written = statement.operands[0];
    if (!written) throw new Mistake('.org needs an address', statement.name!);
    const distance = evaluate(written, scope) - scope.here;
    if (distance < 0n) throw new Mistake(`.org cannot go back by ${-distance} bytes`, written);
    if (distance > BigInt(maxImage)) throw new Mistake(`.org would skip ${distance} bytes`, written);
    return Number(distance);
  },
  fill: () => {},
};

export const directives: ReadonlyMap<string, Directive> = new Map([
  ['.byte', integers(1)],
  ['.half', integers(2)],
  ['.short', integers(2)],
  ['.2byte', integers(2)],
  ['.word', integers(4)],
  ['.long', integers(4)],
  ['.4byte', integers(4)],
  ['.dword', integers(8)],
  ['.quad', integers(8)],
  ['.8byte', integers(8)],
  ['.ascii', strings(0)],
  ['.asciz', strings(1)],
  ['.string', strings(1)],
  ['.zero', space],
  ['.skip', space],
  ['.space', space],
  ['.fill', fillDirective],
  ['.align', power],
  ['.p2align', power],
  ['.balign', alignment((n) => n)],
  ['.org', org],
]);

/** Accepted, without meaning here: they describe object files, or ask for what is always so. */
export const ignoredDirectives: ReadonlySet<string> = new Set([
  '.globl',
  '.global',
  '.local',
  '.weak',
  '.hidden',
  '.type',
  '.size',
  '.option',
  '.attribute',
  '.file',
  '.ident',
  '.cfi_startproc',
  '.cfi_endproc',
]);
