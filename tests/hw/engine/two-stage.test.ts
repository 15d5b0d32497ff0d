import { describe, expect, it } from 'vitest';
import { resetContext } from '../../../hw/hart/reset.ts';
import { decode } from '../../../hw/isa/decode.ts';
import { instructions } from '../../../hw/isa/table.ts';
import { Bench, ram } from '../machine/bench.ts';
import { PageTables, pte, rwxad } from './page-tables.ts';

/** VS-mode accesses a5 at `access`; HS-mode keeps what the trap tells. The guest's physical addresses are shifted by `shift`. */
const source = (access: string): string => `
access:
  ${access}
  ecall
  .balign 4
hypervisor:
  csrr t0, scause
  csrr t1, stval
  csrr t2, htval
  csrr a1, htinst
  csrr a2, hstatus
  csrr a3, sepc
  j .
`;

const guestRam = 0x4000_0000n;
const shift = ram - guestRam;
const virtual = 0x7000n;
const guestData = guestRam + 0x8000n;
const gvaBit = 1n << 6n;

class Guest {
  readonly bench: Bench;
  readonly first: PageTables;
  readonly second: PageTables;

  constructor(access: string) {
    this.bench = new Bench(source(access), { ramSize: 1 << 20 });
    const { bench } = this;
    this.second = new PageTables(bench, ram + 0x4_0000n, 3, true);
    // The first stage's tables are written at their host addresses, and hold guest physical ones.
    this.first = new PageTables(bench, ram + 0x6_0000n, 3);
    for (let page = 0n; page < 0x100n; page++)
      this.second.map(guestRam + (page << 12n), ram + (page << 12n), rwxad | pte.u);
    this.first.map(0x1000n, guestRam, rwxad);
    this.first.map(virtual, guestData, rwxad);
  }

  /** Runs the access, and returns what HS-mode has been told. */
  fault(address = virtual): { cause: bigint; tval: bigint; htval: bigint; htinst: bigint; gva: boolean } {
    const { bench } = this;
    const hart = bench.machine.harts[0]!;
    const { context } = hart;
    resetContext(context, { pc: 0x1000n, privilege: 1, virtual: true, supervisor: 'M' });
    this.rebase();
    context.setCsr('stvec', bench.address('hypervisor'));
    context.setCsr('menvcfg', 0n);
    context.setCsr('medeleg', 0xf0_fdffn);
    context.setCsr('vsatp', (8n << 60n) | ((this.first.base - shift) >> 12n));
    context.setCsr('hgatp', this.second.atp(8n));
    context.setX(15, address);
    bench.run(bench.machine.cycles(hart) + 100);
    return {
      cause: bench.x('t0'),
      tval: bench.x('t1'),
      htval: bench.x('t2'),
      htinst: bench.x('a1'),
      gva: (bench.x('a2') & gvaBit) !== 0n,
    };
  }

  /** Pointers of the first stage become guest physical. */
  private rebase(): void {
    const { bench, first } = this;
    for (let table = first.base; table < first.base + 0x4000n; table += 0x1000n) {
      for (let index = 0n; index < 512n; index++) {
        const entry = bench.memory(table + index * 8n);
        const target = (entry >> 10n) << 12n;
        const isPointer = (entry & 0xfn) === pte.v;
        if (isPointer && target >= ram) bench.store(table + index * 8n, (((target - shift) >> 12n) << 10n) | pte.v);
      }
    }
  }
}

/** The name and the "Addr. Offset" of a transformed instruction. */
function transformed(htinst: bigint): { name: string; offset: number; rd: number; imm: number } {
  const word = Number(htinst);
  const decoded = decode((word & ~(31 << 15)) | 2)!;
  return { name: instructions[decoded.op]!.name, offset: (word >>> 15) & 31, rd: decoded.rd, imm: decoded.imm };
}

describe('a guest', () => {
  it('reaches memory through both stages', () => {
    const guest = new Guest('ld s1, 8(a5)');
    guest.bench.store(ram + 0x8008n, 0x1234n);
    expect(guest.fault().cause).toBe(10n);
    expect(guest.bench.x('s1')).toBe(0x1234n);
  });
});

describe('a fault of the first stage', () => {
  it.each([
    ['ld s1, (a5)', 13n],
    ['sd s1, (a5)', 15n],
    ['amoadd.w s1, s0, (a5)', 15n],
    ['lr.d s1, (a5)', 13n],
    ['jr a5', 12n],
  ])('of %s is a page fault that tells a guest virtual address and no more', (access, cause) => {
    expect(new Guest(access).fault(0x9000n)).toEqual({ cause, tval: 0x9000n, htval: 0n, htinst: 0n, gva: true });
  });
});

describe('a fault of the guest stage', () => {
  it.each([
    ['ld s1, 16(a5)', 21n, 'ld'],
    ['lbu s1, 16(a5)', 21n, 'lbu'],
    ['sw s1, 16(a5)', 23n, 'sw'],

    ['c.ld s1, 16(a5)', 21n, 'ld'],
    ['c.sw s1, 16(a5)', 23n, 'sw'],
  ])('of %s tells the guest physical address and the transformed instruction', (access, cause, name) => {
    const guest = new Guest(access);
    guest.second.map(guestData, 0n, 0n);
    const told = guest.fault();
    expect(told).toMatchObject({ cause, tval: virtual + 16n, htval: (guestData + 16n) >> 2n, gva: true });
    expect(transformed(told.htinst)).toMatchObject({ name, offset: 0, imm: 0 });
    // Bit 1 tells a 16-bit instruction from a 32-bit one.
    expect((told.htinst & 2n) === 0n).toBe(access.startsWith('c.'));
  });

  it.each([
    ['amoswap.d s1, s0, (a5)', 23n, 'amoswap.d'],
    ['sc.w s1, s0, (a5)', 23n, 'sc.w'],
    ['lr.w s1, (a5)', 21n, 'lr.w'],
  ])('of %s keeps the whole instruction but rs1', (access, cause, name) => {
    const guest = new Guest(access);
    guest.second.map(guestData, 0n, 0n);
    const told = guest.fault();
    expect(told).toMatchObject({ cause, tval: virtual, htval: guestData >> 2n, gva: true });
    expect(transformed(told.htinst)).toMatchObject({ name, offset: 0 });
  });

  it('in the second page of an access tells how far it lies behind the first byte', () => {
    const guest = new Guest('ld s1, (a5)');
    guest.first.map(virtual + 0x1000n, guestData + 0x1000n, rwxad);
    guest.second.map(guestData + 0x1000n, 0n, 0n);
    const told = guest.fault(virtual + 0xffdn);
    expect(told).toMatchObject({ cause: 21n, tval: virtual + 0x1000n, htval: (guestData + 0x1000n) >> 2n });
    expect(transformed(told.htinst)).toMatchObject({ name: 'ld', offset: 3 });
  });

  it('of a fetch has nothing to transform', () => {
    const guest = new Guest('jr a5');
    guest.second.map(guestData, 0n, 0n);
    expect(guest.fault()).toEqual({ cause: 20n, tval: virtual, htval: guestData >> 2n, htinst: 0n, gva: true });
  });

  it.each([
    ['ld s1, (a5)', 21n],
    ['sd s1, (a5)', 23n],
    ['jr a5', 20n],
  ])('on the way through the tables of the first is named by a pseudoinstruction: %s', (access, cause) => {
    const guest = new Guest(access);
    // The last-level table of the address's own 2 MiB region.
    const other = 0x20_0000n;
    guest.first.map(other, guestData, rwxad);
    const table = ram + 0x6_0000n + 0x3000n;
    guest.second.map(table - shift, 0n, 0n);
    const told = guest.fault(other);
    expect(told).toEqual({ cause, tval: other, htval: (table - shift) >> 2n, htinst: 0x3000n, gva: true });
  });

  it.each([
    ['without U', rwxad],
    ['that is not readable', pte.v | pte.x | pte.a | pte.d | pte.u],
    ['that was never accessed', pte.v | pte.r | pte.w | pte.u],
    ['with reserved bits', rwxad | pte.u | (1n << 60n)],
  ])('is raised by an entry %s', (_name, flags) => {
    const guest = new Guest('ld s1, (a5)');
    guest.second.map(guestData, ram + 0x8000n, flags);
    expect(guest.fault()).toMatchObject({ cause: 21n, htval: guestData >> 2n });
  });

  it('is raised beyond the 41 bits of a guest physical address', () => {
    const guest = new Guest('ld s1, (a5)');
    guest.first.map(virtual, 1n << 41n, rwxad);
    expect(guest.fault()).toMatchObject({ cause: 21n, tval: virtual, htval: 1n << 39n });
  });
});
