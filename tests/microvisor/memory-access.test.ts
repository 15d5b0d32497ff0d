// What machine code can and can't do with memory, on the machine itself: translation caches, both stages, several harts.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FrameCap } from '../../microvisor/objects.ts';
import { Computer, codeAddress } from './computer.ts';
import { initialCap, label, objectType, type Thread, threadState } from './world.ts';

const pageBytes = 4096;
const [canWrite, canRead] = [1, 2];
const executeNever = 1;
const faultLabel = { unknownSyscall: 2, vm: 6, vcpu: 7 };
const environmentCall = 10;

type Access = 'load' | 'store' | 'execute';
const entries: Record<Access, number> = { load: 0, store: 64, execute: 128 };
/** Accesses what s0 points to; an ecall says that it has been done. */
const accessCode = (origin: number): string => `
    ld s1, 0(s0)
    ecall
    .org ${origin + entries.store}
    sd s1, 0(s0)
    ecall
    .org ${origin + entries.execute}
    jr s0
  `;
/** The instruction that pages for execution are full of. */
const ecall = 0x0000_0073_0000_0073n;

/** A computer with a handler of faults: the root thread. */
class Memory extends Computer {
  readonly faults = this.world.endpoint();
  private readonly reply = this.world.reply();

  constructor(harts = 1) {
    super(harts);
    // The root thread's slice must not end between two of its system calls.
    expect(this.world.configure(initialCap.schedContext, { budget: 10_000_000 }).label).toBe(0);
  }
  /** A new address space with tables for 2 MiB at each of the addresses. */
  space(type: number, addresses: readonly number[]): number {
    const { world } = this;
    const space = world.make(type);
    world.must(initialCap.asidPool, label.RISCVASIDPoolAssign, [], [space]);
    for (const address of addresses) {
      // As many levels as are missing; what is not needed stays unused.
      for (let level = 0; level < 2; level++) {
        world.invoke(world.make(objectType.pageTable), label.RISCVPageTableMap, [address, 0], [space]);
      }
    }
    return space;
  }
  /** Maps a new page that is filled with a word. Returns the slot of its frame. */
  page(space: number, address: number, word: bigint, rights = canRead | canWrite, attributes = 0): number {
    const frame = this.world.make(objectType.page);
    this.machine.writeMemory(this.physical(frame), new Uint8Array(new BigUint64Array(pageBytes / 8).fill(word).buffer));
    this.world.must(frame, label.RISCVPageMap, [address, rights, attributes], [space]);
    return frame;
  }
  physical(frame: number): number {
    return (this.world.cap(frame) as FrameCap).address;
  }
  /** A thread in an address space that tries accesses. */
  prober(space: number, origin = codeAddress): Prober {
    this.load(accessCode(origin), space, origin);
    const thread = this.world.thread({ priority: 100, budget: 100_000, resume: false, faultEndpoint: this.faults });
    return { thread, origin };
  }
  move({ thread }: Prober, space: number): void {
    this.world.must(thread.cap, label.TCBSetSpace, [0, 0], [this.faults, initialCap.cNode, space]);
  }
  /** The word that is in s1 when the access has been done; or that it faults. */
  attempt({ thread, origin }: Prober, access: Access, address: bigint, word = 0n): bigint | 'fault' {
    const { world } = this;
    // Every system call that the test makes for the root thread moves it on; its page must not end.
    world.rootTcb.context.pc = 0x1_0000n;
    world.must(thread.cap, label.TCBSuspend);
    const { context } = thread.tcb;
    context.setX(8, BigInt.asIntN(64, address));
    context.setX(9, BigInt.asIntN(64, word));
    this.start(thread, origin + entries[access]);
    world.recv(this.faults, this.reply);
    this.runFor(100);
    expect(world.current() === world.rootTcb).toBe(true);
    const { label: what, words } = world.message();
    expect(Object.values(faultLabel)).toContain(what);
    const isDone = what === faultLabel.vcpu ? Number(words[0]) === environmentCall : what === faultLabel.unknownSyscall;
    return isDone ? BigInt.asUintN(64, context.x(9)) : 'fault';
  }
}
interface Prober {
  readonly thread: Thread;
  readonly origin: number;
}

const pageOf = (address: bigint): bigint => BigInt.asUintN(64, address) / BigInt(pageBytes);

describe('memory as machine code sees it', () => {
  it("a cell cannot read another's bytes under random probing", () => {
    const mine = 0x1111_1111_1111_1111n;
    const secret = 0x5ec2_e75e_c2e7_5ec2n;
    const memory = new Memory();
    const regions = [0x1000_0000, 0x4000_0000, 0x3e_0000_0000];
    const spaces = [0, 1].map(() => memory.space(objectType.pageTable, [codeAddress, ...regions]));
    const [prober, other, moved] = [0, 1, 1].map((space, index) => {
      const thread = memory.prober(spaces[space]!, codeAddress + index * pageBytes);
      memory.move(thread, spaces[space]!);
      return thread;
    }) as [Prober, Prober, Prober];
    // Pages side by side, at the same addresses, and where the other cell has none.
    const own = new Set<bigint>();
    const secrets = new Map<bigint, number>();
    for (const region of regions) {
      for (const [index, owners] of ['both', 'other', 'own', 'other', 'none', 'both', 'other'].entries()) {
        const address = region + index * pageBytes;
        if (owners === 'own' || owners === 'both') {
          memory.page(spaces[0]!, address, mine, canRead | canWrite, executeNever);
          own.add(pageOf(BigInt(address)));
        }
        if (owners === 'other' || owners === 'both') {
          secrets.set(pageOf(BigInt(address)), memory.page(spaces[1]!, address, secret));
        }
      }
    }
    const code = pageOf(BigInt(prober.origin));
    const probe = (who: Prober, access: Access, address: bigint): void => {
      if (pageOf(address) === code) return;
      const may = own.has(pageOf(address)) && access !== 'execute';
      const result = memory.attempt(who, access, address, access === 'store' ? mine : 0n);
      expect([access, address, result]).toEqual([access, address, may ? mine : 'fault']);
    };
    const words = fc.nat(pageBytes / 8 - 1);
    const frames = [...secrets.values()].map((frame) => memory.physical(frame));
    const address = fc.oneof(
      fc
        .tuple(fc.constantFrom(...regions), fc.integer({ min: -2, max: 9 }), words)
        .map(([region, page, word]) => BigInt(region + page * pageBytes + 8 * word)),
      fc
        .tuple(fc.constantFrom(...frames), words, fc.constantFrom(0n, 1n << 38n, -1n << 38n, 1n << 56n))
        .map(([frame, word, high]) => BigInt(frame + 8 * word) | high),
      fc.bigInt(0n, (1n << 36n) - 1n).map((word) => word * 8n),
      fc.bigInt(0n, (1n << 61n) - 1n).map((word) => word * 8n),
    );
    fc.assert(
      fc.property(
        address,
        fc.constantFrom<Access>('load', 'store', 'execute'),
        fc.constantFrom(...secrets.keys()),
        (at, access, page) => {
          // The other cell uses its memory in between.
          expect(memory.attempt(other, 'load', page * BigInt(pageBytes))).toBe(secret);
          probe(prober, access, at);
        },
      ),
      { numRuns: 250 },
    );
    // Nor has a thread that was the other cell's anything left of what it could reach.
    for (const page of secrets.keys()) expect(memory.attempt(moved, 'load', page * BigInt(pageBytes))).toBe(secret);
    memory.move(moved, spaces[0]!);
    memory.load(accessCode(moved.origin), spaces[0]!, moved.origin);
    for (const page of secrets.keys()) probe(moved, 'load', page * BigInt(pageBytes));
    for (const frame of frames) {
      const bytes = memory.machine.readMemory(frame, pageBytes)!;
      expect(new BigUint64Array(bytes.slice().buffer).every((word) => word === secret)).toBe(true);
    }
  });

  it('read-only and no-execute hold in both stages', () => {
    for (const type of [objectType.pageTable, objectType.guestRoot]) {
      const isGuest = type === objectType.guestRoot;
      const memory = new Memory();
      const { world } = memory;
      const base = 0x4000_0000;
      const space = memory.space(type, [base]);
      const prober = memory.prober(space, base);
      if (isGuest) world.must(world.make(objectType.vcpu), label.VCPUBind, [], [prober.thread.cap, space]);
      else memory.move(prober, space);
      for (const [index, { rights, attributes }] of [
        { rights: canRead | canWrite, attributes: 0 },
        { rights: canRead | canWrite, attributes: executeNever },
        { rights: canRead, attributes: 0 },
        { rights: canRead, attributes: executeNever },
      ].entries()) {
        const address = base + (index + 1) * pageBytes;
        const frame = memory.page(space, address, ecall, rights, attributes);
        const check = (allowed: number): void => {
          // Twice, for what the first attempt leaves in the caches of translations.
          for (let round = 0; round < 2; round++) {
            const expected = {
              load: ecall,
              store: (allowed & canWrite) !== 0 ? ecall : 'fault',
              execute: attributes === executeNever ? 'fault' : ecall,
            };
            for (const access of ['load', 'store', 'execute'] as const) {
              const result = memory.attempt(prober, access, BigInt(address), ecall);
              expect([isGuest, rights, attributes, access, result]).toEqual([
                isGuest,
                rights,
                attributes,
                access,
                expected[access],
              ]);
            }
          }
        };
        check(rights);
        // Mapped again with fewer rights.
        world.must(frame, label.RISCVPageMap, [address, canRead, attributes], [space]);
        check(canRead);
      }
    }
  });

  it('a page that is unmapped is gone at once for code that runs on another hart', () => {
    const memory = new Memory(2);
    const { world } = memory;
    const space = memory.space(objectType.pageTable, [codeAddress, 0x1000_0000]);
    memory.load('again: ld s1, 0(s0)\n addi s2, s2, 1\n j again', space);
    const frame = memory.page(space, 0x1000_0000, 7n);
    const thread = world.thread({
      priority: 100,
      budget: 100_000,
      core: 1,
      faultEndpoint: memory.faults,
      resume: false,
    });
    world.must(thread.cap, label.TCBSetSpace, [0, 0], [memory.faults, initialCap.cNode, space]);
    const { context } = thread.tcb;
    context.setX(8, 0x1000_0000n);
    memory.start(thread);
    memory.runFor(100);
    const loads = context.x(18);
    expect(loads).toBeGreaterThan(1000n);
    world.must(frame, label.RISCVPageUnmap);
    const atReturn = context.x(18);
    memory.runFor(100);
    // What it has loaded by then it may still count.
    expect(context.x(18) - atReturn).toBeLessThanOrEqual(1n);
    expect(thread.tcb.state).toBe(threadState.blockedOnSend);
    expect(atReturn - loads).toBeLessThan(loads);
  });
});
