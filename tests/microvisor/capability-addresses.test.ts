// Capability addresses against a model written from the manual: an address is a string of bits, from which each CNode on the way
// takes its guard and the index of a slot.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lookupFailure } from '../../microvisor/abi/faults.ts';
import { cNodeCapData } from '../../microvisor/abi/rights.ts';
import { callRegister } from '../../microvisor/abi/system-calls.ts';
import { highHalf, lookupSlot, lookupSlotForCNodeOp, lowHalf } from '../../microvisor/cspace/lookup.ts';
import { lookupFailureWords } from '../../microvisor/fault-values.ts';
import type { Capability } from '../../microvisor/objects.ts';
import { SyscallError } from '../../microvisor/outcome.ts';
import { allRights, capType, initialCap, label, objectType, systemCall, type Thread, World } from './world.ts';

const cnode = initialCap.cNode;

/** A CNode of the model: its guard as a string of bits, and what its slots hold. The others are empty. */
interface Table {
  readonly guard: string;
  readonly radix: number;
  readonly slots: readonly { readonly index: number; readonly held: Table | Leaf }[];
}
/** The badge of a capability that is no CNode's. */
type Leaf = number;

const wordOf = (bits: string): bigint => BigInt(`0b0${bits}`);
const isTable = (held: Table | Leaf | undefined): held is Table => typeof held === 'object';
const failure = (...words: (bigint | number)[]): string => `no slot: ${words.join(' ')}`;

const describeHeld = (held: Table | Leaf | undefined): string => {
  if (held === undefined) return 'an empty slot';
  return isTable(held) ? `a table of ${held.radix} bits` : `badge ${held}`;
};

/** What an address resolves to, with the bits that are left of it; or why it resolves to nothing. */
function resolve(table: Table, path: string): { held: Table | Leaf | undefined; left: number } | string {
  const { guard, radix, slots } = table;
  if (!path.startsWith(guard)) {
    return failure(lookupFailure.guardMismatch, path.length, wordOf(guard), guard.length);
  }
  if (path.length < guard.length + radix) {
    return failure(lookupFailure.depthMismatch, path.length, guard.length + radix);
  }
  const index = Number(wordOf(path.slice(guard.length, guard.length + radix)));
  const held = slots.find((slot) => slot.index === index)?.held;
  const after = path.slice(guard.length + radix);
  return after !== '' && isTable(held) ? resolve(held, after) : { held, left: after.length };
}
/** Threads name capabilities with 64 bits, and need not use them up. */
function expectedOfThread(root: Table, address: bigint): string {
  const found = resolve(root, address.toString(2).padStart(64, '0'));
  return typeof found === 'string' ? found : describeHeld(found.held);
}
/** Operations on CNodes name slots with an address and its depth, which must be used up. */
function expectedOfOperation(root: Table, path: string): string {
  const found = resolve(root, path);
  if (typeof found === 'string') return found;
  return found.left === 0 ? describeHeld(found.held) : failure(lookupFailure.depthMismatch, found.left, 0);
}

/** The model's tables as CNodes; a leaf is a capability to one notification with a badge. Returns the slot of the root. */
function build(world: World, leaf: number, { guard, radix, slots }: Table): number {
  const plain = world.make(objectType.capTable, radix);
  for (const { index, held } of slots) {
    if (isTable(held)) {
      world.must(plain, label.CNodeMove, [index, radix, build(world, leaf, held), 64], [cnode]);
    } else {
      world.must(plain, label.CNodeMint, [index, radix, leaf, 64, allRights, held], [cnode]);
    }
  }
  const guarded = world.freeSlot();
  const data = cNodeCapData(wordOf(guard), guard.length);
  world.must(cnode, label.CNodeMint, [guarded, 64, plain, 64, allRights, data], [cnode]);
  return guarded;
}

const describeCap = (cap: Capability): string => {
  if (cap.type === capType.null) return describeHeld(undefined);
  if (cap.type === capType.cNode) return describeHeld({ guard: '', radix: cap.node.radix, slots: [] });
  return cap.type === capType.notification ? describeHeld(Number(cap.badge)) : `capability of type ${cap.type}`;
};
function foundByOperation(world: World, root: Capability, path: string, above = 0n): string {
  const address = (above << BigInt(path.length)) | wordOf(path);
  const found = lookupSlotForCNodeOp(world.kernel, true, root, BigInt.asUintN(64, address), BigInt(path.length));
  if (!(found instanceof SyscallError)) return describeCap(found.cap);
  expect([found.code, found.words[0]]).toEqual([6, 1n]);
  return failure(...found.words.slice(1));
}
function foundByThread(world: World, thread: Thread, address: bigint): string {
  const found = lookupSlot(world.kernel, thread.tcb, lowHalf(address), highHalf(address));
  return found === null ? failure(...lookupFailureWords(world.kernel.lookupFailure!)) : describeCap(found.cap);
}

const bitStrings = (longest: number): string[] => {
  const all = [''];
  for (let at = 0; all[at]!.length < longest; at++) all.push(`${all[at]}0`, `${all[at]}1`);
  return all;
};

/** Bits of guards, mostly few, and up to what a capability can hold beside `radix` bits. */
const bits = (longest: number): fc.Arbitrary<string> =>
  fc
    .oneof({ arbitrary: fc.integer({ min: 0, max: 4 }), weight: 3 }, fc.integer({ min: 0, max: longest }))
    .chain((length) =>
      fc
        .bigInt(0n, (1n << BigInt(length)) - 1n)
        .map((word) => (length === 0 ? '' : word.toString(2).padStart(length, '0'))),
    );

const { table: anyTable } = fc.letrec<{ table: Table; held: Table | Leaf }>((tie) => ({
  held: fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.integer({ min: 1, max: 1000 }), tie('table')),
  table: fc.integer({ min: 1, max: 4 }).chain((radix) =>
    fc.record({
      guard: bits(58),
      radix: fc.constant(radix),
      slots: fc.uniqueArray(fc.record({ index: fc.nat(2 ** radix - 1), held: tie('held') }), {
        selector: ({ index }) => index,
        maxLength: 4,
      }),
    }),
  ),
}));

/** A way through the tables, and what is wrong with the address that is made of it. */
interface Way {
  readonly turns: readonly number[];
  readonly flip: number | null;
  readonly cut: number;
  readonly more: string;
}
const anyWay: fc.Arbitrary<Way> = fc.record({
  turns: fc.array(fc.nat(15), { minLength: 1, maxLength: 4 }),
  flip: fc.option(fc.nat(63), { freq: 2 }),
  cut: fc.oneof(fc.constant(0), fc.nat(3)),
  more: fc.oneof(fc.constant(''), bits(40)),
});
function pathOf(root: Table, { turns, flip, cut, more }: Way): string {
  let path = '';
  let at: Table | Leaf | undefined = root;
  for (const turn of turns) {
    if (!isTable(at)) break;
    const table: Table = at;
    const slot = table.slots[turn % (table.slots.length + 1)];
    const index = slot?.index ?? turn % 2 ** table.radix;
    path += table.guard + index.toString(2).padStart(table.radix, '0');
    at = slot?.held;
  }
  path = path.slice(0, path.length - cut) + more;
  if (flip !== null && flip < path.length) {
    path = `${path.slice(0, flip)}${path[flip] === '0' ? '1' : '0'}${path.slice(flip + 1)}`;
  }
  return path.slice(0, 64) || '0';
}

describe('capability addresses', () => {
  it('guards and depths resolve as the manual says', () => {
    // Every address of up to eight bits in every pair of tables with small guards.
    const world = new World({ ram: 16 * 2 ** 20 });
    const leaf = world.notification();
    const paths = bitStrings(8).slice(1);
    for (const guard of bitStrings(2)) {
      for (const radix of [1, 2]) {
        for (const below of ['', '0', '1', '10']) {
          const child: Table = { guard: below, radix: 3 - radix, slots: [{ index: 1, held: 7 }] };
          const root: Table = {
            guard,
            radix,
            slots: [
              { index: 0, held: child },
              { index: 1, held: 5 },
            ],
          };
          const cap = world.cap(build(world, leaf, root));
          const wrong = paths.filter((path) => foundByOperation(world, cap, path) !== expectedOfOperation(root, path));
          expect(wrong, JSON.stringify(root)).toEqual([]);
        }
      }
    }
  });

  it('resolve in tables of any guards, and whatever lies above the depth is ignored', () => {
    fc.assert(
      fc.property(
        anyTable,
        fc.array(anyWay, { minLength: 20, maxLength: 40 }),
        fc.bigInt(0n, 2n ** 64n - 1n),
        (root, ways, above) => {
          const world = new World();
          const built = build(world, world.notification(), root);
          const thread = world.thread();
          world.must(thread.cap, label.TCBSetSpace, [0, 0], [0, built, initialCap.vspace]);
          for (const way of ways) {
            const path = pathOf(root, way);
            expect([path, foundByOperation(world, world.cap(built), path, above)]).toEqual([
              path,
              expectedOfOperation(root, path),
            ]);
            const address = BigInt.asUintN(
              64,
              (wordOf(path) << BigInt(64 - path.length)) | (above >> BigInt(path.length)),
            );
            expect([address, foundByThread(world, thread, address)]).toEqual([
              address,
              expectedOfThread(root, address),
            ]);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it('resolve to nothing where a guard differs in any of its bits, however small the address', () => {
    for (const size of [20, 32, 33, 58]) {
      const world = new World();
      const leaf = world.notification();
      for (const bit of [0, size >> 1, size - 1]) {
        const guard = (1n << BigInt(bit)).toString(2).padStart(size, '0');
        const root: Table = { guard, radix: 4, slots: [{ index: 5, held: 9 }] };
        const cap = world.cap(build(world, leaf, root));
        for (const index of ['0101', '0110']) {
          for (const path of [guard + index, '0'.repeat(size) + index]) {
            expect([path, foundByOperation(world, cap, path)]).toEqual([path, expectedOfOperation(root, path)]);
          }
        }
      }
    }
  });

  it('resolve to nothing without a CNode to begin with: for a thread, and for either side of an operation', () => {
    const world = new World();
    const faults = world.endpoint();
    const [endpoint, slot] = [world.endpoint(), world.freeSlot()];
    const bare = world.make(objectType.tcb);
    const sc = world.make(objectType.schedContext, 8);
    world.configure(sc, { budget: 1000 });
    world.must(bare, label.TCBSetSchedParams, [100, 100], [initialCap.tcb, sc, faults]);
    world.must(bare, label.TCBResume);
    world.wait(faults);
    world.current().context.setX(callRegister.capability, BigInt(endpoint));
    world.ecall(systemCall.send);
    expect(world.message()).toMatchObject({ label: 1 });
    expect(world.message().words.slice(1)).toEqual([BigInt(endpoint), 0n, BigInt(lookupFailure.invalidRoot)]);
    const copy = (from: number, to: number, depth = 64) =>
      world.invoke(cnode, label.CNodeCopy, [to, 64, from, depth, allRights], [from === endpoint ? endpoint : cnode]);
    for (const depth of [64, 0]) {
      expect(copy(endpoint, slot, depth)).toEqual({ label: 6, words: [1n, BigInt(lookupFailure.invalidRoot)] });
    }
    // Of the two sides of an operation the answer names the one that did not resolve.
    expect(copy(2 ** 20, slot)).toMatchObject({ label: 6, words: [1n, 4n, 64n, 0n, 51n] });
    expect(copy(faults, 2 ** 20)).toMatchObject({ label: 6, words: [0n, 4n, 64n, 0n, 51n] });
  });
});
