import { describe, expect, it } from 'vitest';
import { resetContext } from '../../../hw/hart/reset.ts';
import { Bench, enterSupervisor, ram } from '../machine/bench.ts';
import { levelsOf, type Mode, modes, PageTables, pte, rwxad } from './page-tables.ts';

/** One access in S-mode (or U-mode) through satp; M-mode takes what faults. s0: 1 if it did not. */
const source = `
  ${enterSupervisor}
  .balign 4
supervisor:
  csrw satp, a1
  csrw sscratch, a2
  sfence.vma
  csrr t0, sscratch
  beqz t0, go
  csrw sepc, a3
  csrs sstatus, a4
  sret
go:
  csrs sstatus, a4
  jr a3
load:
  ld s1, (a5)
  li s0, 1
  ecall
store:
  sd s1, (a5)
  li s0, 1
  ecall
fetch:
  jalr a5
  .balign 4
machine:
  csrr t1, mcause
  csrr t2, mtval
  j .
`;

type Kind = 'load' | 'store' | 'fetch';
interface Access {
  kind: Kind;
  user?: boolean;
  sum?: boolean;
  mxr?: boolean;
  hardwareUpdates?: boolean;
}
const faults = { load: 13n, store: 15n, fetch: 12n } as const;
const data = ram + 0x8000n;
const tables = ram + 0x20000n;
/** Where the code runs: its own mapping, for S-mode and for U-mode. */
const codeAt = 0x40_0000n;

class Walk {
  readonly bench = new Bench(source, { ramSize: 4 << 20 });
  readonly space: PageTables;

  constructor(
    readonly mode: Mode,
    readonly user = false,
  ) {
    this.space = new PageTables(this.bench, tables, levelsOf(mode));
    this.space.map(ram, ram, rwxad);
    this.space.map(codeAt, ram, rwxad | pte.u);
  }

  /** The cause, or undefined if the access succeeded. */
  access(
    virtual: bigint,
    { kind, user = false, sum = false, mxr = false, hardwareUpdates = false }: Access,
  ): bigint | undefined {
    const { bench, space } = this;
    const hart = bench.machine.harts[0]!;
    const { context } = hart;
    resetContext(context, { pc: ram, privilege: 3 });
    // A fetch that succeeds finds an environment call.
    bench.store(data, 0x73n, 4);
    const target = bench.address(kind) - ram + (user ? codeAt : ram);
    context.setCsr('menvcfg', hardwareUpdates ? 1n << 61n : 0n);
    context.setX(11, space.atp(modes[this.mode]));
    context.setX(12, user ? 1n : 0n);
    context.setX(13, target);
    context.setX(14, (sum ? 1n << 18n : 0n) | (mxr ? 1n << 19n : 0n));
    context.setX(15, BigInt.asIntN(64, virtual));
    bench.run(bench.machine.cycles(hart) + 200);
    const cause = bench.x('t1');
    const succeeded =
      kind === 'fetch' ? [8n, 9n].includes(cause) && context.csr('mepc') === virtual : bench.x('s0') === 1n;
    if (succeeded) return undefined;
    expect(BigInt.asUintN(64, bench.x('t2'))).toBe(virtual);
    return cause;
  }
}

/** The rules of 12.3.2 and 12.3.1, written down once more. */
function expected(flags: bigint, { kind, user, sum, mxr, hardwareUpdates }: Access): 'ok' | 'fault' {
  const has = (bit: bigint): boolean => (flags & bit) !== 0n;
  if (!has(pte.v) || (has(pte.w) && !has(pte.r))) return 'fault';
  if (!has(pte.r) && !has(pte.x)) return 'fault';
  if (user ? !has(pte.u) : has(pte.u) && (kind === 'fetch' || !sum)) return 'fault';
  if (kind === 'fetch' ? !has(pte.x) : kind === 'store' ? !has(pte.w) : !has(pte.r) && !(mxr && has(pte.x)))
    return 'fault';
  if (hardwareUpdates) return 'ok';
  return has(pte.a) && (kind !== 'store' || has(pte.d)) ? 'ok' : 'fault';
}

const kinds = ['load', 'store', 'fetch'] as const;
const virtual = 0x12_3456_7000n & 0x3f_ffff_f000n;

describe('a page', () => {
  // Every combination of flags, each accessed in one of the ways that its number chooses.
  it.each(['sv39', 'sv48', 'sv57'] as const)('of %s is accessed as its flags allow', (mode) => {
    let tried = 0;
    const walk = new Walk(mode);
    for (let flags = 0n; flags < 256n; flags++) {
      if ((flags & (pte.v | pte.g)) === 0n && flags % 8n !== 0n) continue;
      const variant = Number(flags ^ (flags >> 3n) ^ (flags >> 6n)) + levelsOf(mode);
      for (const kind of kinds) {
        const access = {
          kind,
          user: (variant & 1) !== 0,
          sum: (variant & 2) !== 0,
          mxr: (variant & 4) !== 0,
          hardwareUpdates: (tried & 1) !== 0,
        };
        walk.space.map(virtual, data, flags);
        const cause = walk.access(virtual, access);
        expect({ flags, access, cause }).toEqual({
          flags,
          access,
          cause: expected(flags, access) === 'ok' ? undefined : faults[kind],
        });
        tried++;
      }
    }
  });

  it('has its accessed and dirty bits set by hardware where menvcfg.ADUE says so', () => {
    for (const kind of kinds) {
      const walk = new Walk('sv39');
      const entry = walk.space.map(virtual, data, pte.v | pte.r | pte.w | pte.x);
      expect(walk.access(virtual, { kind, hardwareUpdates: true })).toBeUndefined();
      expect(walk.bench.memory(entry) & (pte.a | pte.d)).toBe(kind === 'store' ? pte.a | pte.d : pte.a);
    }
  });

  it('gets its dirty bit at the first store, though a load has cached the translation', () => {
    const walk = new Walk('sv39');
    const entry = walk.space.map(virtual, data, pte.v | pte.r | pte.w);
    walk.access(virtual, { kind: 'load', hardwareUpdates: true });
    expect(walk.bench.memory(entry) & pte.d).toBe(0n);
  });
});

describe('a superpage', () => {
  it.each(['sv39', 'sv48', 'sv57'] as const)('of %s translates at every level, and faults when misaligned', (mode) => {
    for (let level = 1; level < levelsOf(mode); level++) {
      const size = 1n << BigInt(12 + 9 * level);
      // Physical 0 upwards: what the mapping reaches in RAM is at ram % size of it.
      const base = ram - (ram % size);
      const at = (1n << BigInt(12 + 9 * levelsOf(mode) - 2)) - (level === levelsOf(mode) - 1 ? size : size * 3n);
      const aligned = at - (at % size);
      const good = new Walk(mode);
      good.space.map(aligned, base, rwxad, level);
      const address = aligned + (data % size);
      expect([level, good.access(address, { kind: 'load' })]).toEqual([level, undefined]);
      expect(good.bench.x('s1') & 0xffffn).toBe(0x73n);
      const bad = new Walk(mode);
      bad.space.map(aligned, base + 0x1000n, rwxad, level);
      expect([level, bad.access(address, { kind: 'load' })]).toEqual([level, 13n]);
    }
  });
});

describe('a NAPOT page', () => {
  it('maps sixteen pages, and needs its size encoded', () => {
    const region = 0x1_0000n;
    for (const [low, cause] of [
      [0x8000n, undefined],
      [0x0000n, 13n],
      [0x4000n, 13n],
      [0x9000n, 13n],
    ] as const) {
      for (const page of [0n, 8n, 15n]) {
        const walk = new Walk('sv39');
        // The walk reads the entry of its own page: all sixteen hold the same.
        const physical = ram + 0x1_0000n;
        walk.bench.store(physical + page * 0x1000n, 0x1234n + page);
        walk.space.map(0x20_0000n + region + page * 0x1000n, physical + low, rwxad | pte.n);
        const got = walk.access(0x20_0000n + region + page * 0x1000n, { kind: 'load' });
        expect({ low, page, got }).toEqual({ low, page, got: cause });
        if (cause === undefined) expect(walk.bench.x('s1')).toBe(0x1234n + page);
      }
    }
  });
  it('faults as a superpage', () => {
    const walk = new Walk('sv39');
    walk.space.map(0x4000_0000n, ram | 0x8000n, rwxad | pte.n, 1);
    expect(walk.access(0x4000_0000n, { kind: 'load' })).toBe(13n);
  });
});

describe('an address', () => {
  it.each(['sv39', 'sv48', 'sv57'] as const)('of %s must be sign-extended', (mode) => {
    const bits = BigInt(12 + 9 * levelsOf(mode));
    for (const kind of kinds) {
      for (const address of [1n << (bits - 1n), 1n << bits, 1n << 63n, (1n << 64n) - (1n << bits)]) {
        expect(new Walk(mode).access(address, { kind })).toBe(faults[kind]);
      }
    }
  });
  it('in the upper half is walked as any other', () => {
    const top = (1n << 64n) - 0x1000n;
    for (const mode of ['sv39', 'sv48', 'sv57'] as const) {
      const walk = new Walk(mode);
      walk.space.map(top, data, rwxad);
      expect(walk.access(top + 8n, { kind: 'load' })).toBeUndefined();
    }
  });
});

describe('an entry', () => {
  it('faults with reserved bits, and where there is no memory it is an access fault', () => {
    for (const bit of [54n, 58n, 60n, 61n, 62n]) {
      const walk = new Walk('sv39');
      walk.space.map(virtual, data, rwxad | (1n << bit));
      expect([bit, walk.access(virtual, { kind: 'load' })]).toEqual([bit, 13n]);
    }
    for (const bit of [4n, 6n, 7n, 63n]) {
      const walk = new Walk('sv39');
      walk.space.map(virtual, data, pte.v | (1n << bit), 1);
      expect([bit, walk.access(virtual, { kind: 'load' })]).toEqual([bit, 13n]);
    }
    const nowhere = new Walk('sv39');
    nowhere.space.map(virtual, 0x4000_0000n, pte.v, 1);
    expect(nowhere.access(virtual, { kind: 'store' })).toBe(7n);
    const target = new Walk('sv39');
    target.space.map(virtual, 0x4000_0000n, rwxad);
    expect(target.access(virtual, { kind: 'fetch' })).toBe(1n);
  });
});

describe('an access across pages', () => {
  const second = virtual + 0x1000n;
  it('reports the second page when that is the one that faults', () => {
    for (const [kind, cause] of [
      ['load', 13n],
      ['store', 15n],
    ] as const) {
      const walk = new Walk('sv39');
      walk.space.map(virtual, data, rwxad);
      const { bench } = walk;
      bench.store(data + 0xff8n, 0n);
      const { context } = bench.machine.harts[0]!;
      context.setX(9, -1n);
      const got = ((): bigint => {
        context.setX(11, walk.space.atp(modes.sv39));
        context.setX(13, bench.address(kind));
        context.setX(15, virtual + 0xffcn);
        bench.run(200);
        return bench.x('t1');
      })();
      expect(got).toBe(cause);
      expect(bench.x('t2')).toBe(second);
      expect(bench.memory(data + 0xff8n)).toBe(0n);
    }
  });
  it('of an instruction reports the address of its second half', () => {
    const walk = new Walk('sv39');
    walk.space.map(virtual, data, rwxad);
    walk.bench.store(data + 0xffen, 0x0013n, 2);
    const { bench } = walk;
    const { context } = bench.machine.harts[0]!;
    context.setX(11, walk.space.atp(modes.sv39));
    context.setX(13, bench.address('fetch'));
    context.setX(15, virtual + 0xffen);
    bench.run(200);
    expect([bench.x('t1'), bench.x('t2'), context.csr('mepc')]).toEqual([12n, second, virtual + 0xffen]);
  });
});
