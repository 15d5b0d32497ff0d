// What the SDK sees of its realm: memory, system calls, deferred operations and the state. Arguments come from code that
// is not trusted: each is checked before it is used.

import { meter } from './meter.ts';
import { freeze, uncurry } from './natives.ts';
import type { CallResult, Transaction } from './transaction.ts';

type Size = 1 | 2 | 4 | 8;

function integer(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new TypeError('An address or number is expected');
  return value;
}
function word(value: unknown): bigint {
  if (typeof value !== 'bigint') throw new TypeError('A 64-bit word is a BigInt');
  return BigInt.asIntN(64, value);
}
function sizeOf(value: unknown): Size {
  if (value !== 1 && value !== 2 && value !== 4 && value !== 8) throw new TypeError('Sizes are 1, 2, 4 and 8 bytes');
  return value;
}

const { fromCharCode } = String;
const charCodeAt = uncurry(String.prototype.charCodeAt) as (text: string, at: number) => number;

function textOf(bytes: Uint8Array): string {
  meter.grow(bytes.length);
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += fromCharCode(bytes[i]!);
  return text;
}

/** States, from the transaction's point of view. */
export interface StateAccess {
  state(): unknown;
  draft(): unknown;
}

/** The object behind `$machine`. Its type for the SDK is guests/sdk/machine.ts's. */
export function machineFor(transaction: Transaction, states: StateAccess, handling: (name: string) => void): object {
  const machine = {
    systemCall(
      number: unknown,
      capability: unknown,
      info: unknown,
      words: unknown,
      reply: unknown,
      buffer: unknown,
      destination: unknown = 0,
    ): CallResult {
      if (typeof number !== 'number' || !Number.isSafeInteger(number))
        throw new TypeError('A system call has a number');
      if (!Array.isArray(words) || words.length > 120) throw new TypeError('A message has at most 120 words');
      const copy: bigint[] = [];
      for (let i = 0; i < words.length; i++) copy[i] = word(words[i]);
      return transaction.systemCall(
        number,
        integer(capability),
        word(info),
        copy,
        integer(reply),
        integer(buffer),
        integer(destination),
      );
    },
    load: (address: unknown, size: unknown): bigint => transaction.load(integer(address), sizeOf(size)),
    store: (address: unknown, size: unknown, value: unknown): void =>
      transaction.store(integer(address), sizeOf(size), word(value)),
    storeEach(address: unknown, bytes: unknown): void {
      if (!(bytes instanceof Uint8Array)) throw new TypeError('Bytes are a Uint8Array');
      if (bytes.length > 64) throw new RangeError('At most 64 bytes to one address at a time');
      transaction.storeEach(integer(address), textOf(bytes));
    },
    loadBytes(address: unknown, length: unknown): Uint8Array {
      const count = integer(length);
      if (count > 1 << 20) throw new RangeError('At most 1 MiB at a time');
      const text = transaction.loadBytes(integer(address), count);
      const bytes = new Uint8Array(count);
      for (let i = 0; i < count; i++) bytes[i] = charCodeAt(text, i);
      return bytes;
    },
    storeBytes(address: unknown, bytes: unknown): void {
      if (!(bytes instanceof Uint8Array)) throw new TypeError('Bytes are a Uint8Array');
      if (bytes.length > 1 << 20) throw new RangeError('At most 1 MiB at a time');
      transaction.storeBytes(integer(address), textOf(bytes));
    },
    publish: (address: unknown, size: unknown, value: unknown): void =>
      transaction.defer({ address: integer(address), size: sizeOf(size), value: word(value) }),
    signal: (capability: unknown, wanted: unknown): void =>
      transaction.defer(
        wanted === undefined
          ? { signal: integer(capability) }
          : { signal: integer(capability), wanted: integer(wanted) },
      ),
    state: (): unknown => states.state(),
    draft: (): unknown => states.draft(),
    handling: (name: unknown): void => handling(`${name as string}`),
  };
  for (const operation of Object.values(machine)) freeze(operation);
  return freeze(machine);
}
