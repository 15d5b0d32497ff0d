import { describe, expect, it } from 'vitest';
import type { Hart, Supervisor } from '../../../hw/hart/hart.ts';
import { deliver, deliverInterrupt } from '../../../hw/hart/trap.ts';
import { Bench, type ModeName, modes, pc } from './bench.ts';

const M = 0x1_0000_0000n;
const S = 0x2_0000_0000n;
const V = 0x3_0000_0000n;
const bit = (...bits: number[]): bigint => bits.reduce((all, one) => all | (1n << BigInt(one)), 0n);

function benchIn(mode: ModeName): Bench {
  const bench = new Bench('M');
  bench.write(0x305, M);
  bench.write(0x105, S);
  bench.write(0x205, V);
  bench.mode = mode;
  return bench;
}

describe('delegation', () => {
  const causes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 20, 21, 22, 23];
  const toSupervisor = (cause: number): boolean => cause !== 11;
  const toGuest = (cause: number): boolean => cause <= 8 || [12, 13, 15].includes(cause);

  it.each(modes)('of every exception from %s follows medeleg and hedeleg', (mode) => {
    for (const cause of causes) {
      for (const m of [0n, bit(cause)]) {
        for (const h of [0n, bit(cause)]) {
          const bench = benchIn(mode);
          bench.write(0x302, m);
          bench.write(0x602, h);
          bench.hart.raise(cause, 0x1234n);
          deliver(bench.hart);
          let target: ModeName = 'M';
          if (mode !== 'M' && m && toSupervisor(cause)) {
            target = (mode === 'VS' || mode === 'VU') && h && toGuest(cause) ? 'VS' : 'HS';
          }
          expect([cause, m, h, bench.mode]).toEqual([cause, m, h, target]);
          const [vector, epc, causeCsr, tval] = {
            M: [M, 0x341, 0x342, 0x343],
            HS: [S, 0x141, 0x142, 0x143],
            VS: [V, 0x241, 0x242, 0x243],
          }[target as 'M' | 'HS' | 'VS'] as [bigint, number, number, number];
          expect(bench.context.pc).toBe(vector);
          expect([bench.read(epc), bench.read(causeCsr), bench.read(tval)]).toEqual([pc, BigInt(cause), 0x1234n]);
        }
      }
    }
  });

  it.each(modes)('of every interrupt from %s follows mideleg and hideleg', (mode) => {
    for (const code of [1, 2, 3, 5, 6, 7, 9, 10, 11, 12]) {
      for (const delegated of [false, true]) {
        for (const toGuest of [0n, bit(2, 6, 10)]) {
          const bench = benchIn(mode);
          bench.write(0x303, delegated ? bit(1, 5, 9) : 0n);
          bench.write(0x603, toGuest);
          const guests = [2, 6, 10].includes(code);
          if (mode === 'M' && (guests || code === 12 || (delegated && [1, 5, 9].includes(code)))) continue;
          deliverInterrupt(bench.hart, code);
          let target: ModeName = 'M';
          if (code === 12 || guests || (delegated && [1, 5, 9].includes(code))) target = 'HS';
          if (target === 'HS' && guests && toGuest && (mode === 'VS' || mode === 'VU')) target = 'VS';
          expect([code, bench.mode]).toEqual([code, target]);
          const cause = bench.read({ M: 0x342, HS: 0x142, VS: 0x242 }[target as 'M' | 'HS' | 'VS']);
          expect(cause).toBe((1n << 63n) | BigInt(target === 'VS' ? code - 1 : code));
        }
      }
    }
  });

  it('gives interrupts their own vectors in vectored mode, and exceptions the base', () => {
    for (const [code, target, tvec, vector] of [
      [7, 'M', 0x305, M + 28n],
      [12, 'HS', 0x105, S + 48n],
      [10, 'VS', 0x205, V + 36n],
    ] as const) {
      const bench = benchIn('VS');
      bench.write(0x603, bit(2, 6, 10));
      bench.set(tvec, 1n);
      deliverInterrupt(bench.hart, code);
      expect(bench.mode).toBe(target);
      expect(bench.context.pc).toBe(vector);
    }
    const bench = benchIn('U');
    bench.set(0x305, 1n);
    bench.hart.raise(5);
    deliver(bench.hart);
    expect(bench.context.pc).toBe(M);
  });
});

describe('a trap into M-mode', () => {
  it.each([
    ['M', 3n, 0n],
    ['HS', 1n, 0n],
    ['U', 0n, 0n],
    ['VS', 1n, 1n],
    ['VU', 0n, 1n],
  ] as const)('from %s saves where it came from, and MRET goes back', (mode, mpp, mpv) => {
    const bench = benchIn(mode);
    bench.set(0x300, bit(3));
    bench.hart.raise(21, 0x4000n, { tval2: 0x77n, tinst: 0x3000n, gva: true });
    deliver(bench.hart);
    const mstatus = bench.read(0x300);
    expect((mstatus >> 11n) & 3n).toBe(mpp);
    expect((mstatus >> 39n) & 1n).toBe(mpv);
    expect((mstatus >> 38n) & 1n).toBe(1n);
    expect(mstatus & bit(3, 7)).toBe(bit(7));
    expect([bench.read(0x34b), bench.read(0x34a)]).toEqual([0x77n, 0x3000n]);
    expect(bench.execute('mret')).toBe(1);
    expect(bench.mode).toBe(mode);
    expect(bench.context.pc).toBe(pc);
    expect(bench.read(0x300) & bit(3, 7, 11, 12, 39)).toBe(bit(3, 7));
  });

  it('ends MPRV when MRET leaves M-mode, and only then', () => {
    const bench = benchIn('M');
    bench.set(0x300, bit(17, 11, 12));
    bench.execute('mret');
    expect(bench.read(0x300) & bit(17)).not.toBe(0n);
    bench.execute('mret');
    expect(bench.mode).toBe('U');
    expect(bench.read(0x300) & bit(17)).toBe(0n);
  });

  it('ignores MPV when MRET stays in M-mode', () => {
    const bench = benchIn('M');
    bench.set(0x300, bit(39, 11, 12));
    bench.execute('mret');
    expect(bench.mode).toBe('M');
    expect(bench.read(0x300) & bit(39)).toBe(0n);
  });
});

describe('a trap into HS-mode', () => {
  it.each([
    ['HS', 1n, 0n, 1n],
    ['U', 0n, 0n, 1n],
    ['VS', 1n, 1n, 1n],
    ['VU', 0n, 1n, 0n],
  ] as const)('from %s saves where it came from, and SRET goes back', (mode, spp, spv, spvp) => {
    const bench = benchIn(mode);
    bench.write(0x302, bit(21));
    bench.set(0x300, bit(1));
    bench.set(0x600, bit(8));
    bench.hart.raise(21, 0x4000n, { tval2: 0x77n, tinst: 0x3000n, gva: mode.startsWith('V') });
    deliver(bench.hart);
    expect(bench.mode).toBe('HS');
    const sstatus = bench.read(0x100);
    expect((sstatus >> 8n) & 1n).toBe(spp);
    expect(sstatus & bit(1, 5)).toBe(bit(5));
    const hstatus = bench.read(0x600);
    expect((hstatus >> 7n) & 1n).toBe(spv);
    // From HS and U, SPVP stays as it was.
    expect((hstatus >> 8n) & 1n).toBe(spvp);
    expect((hstatus >> 6n) & 1n).toBe(spv);
    expect([bench.read(0x643), bench.read(0x64a)]).toEqual([0x77n, 0x3000n]);
    expect(bench.execute('sret')).toBe(1);
    expect(bench.mode).toBe(mode);
    expect(bench.context.pc).toBe(pc);
    expect(bench.read(0x100) & bit(1, 5, 8)).toBe(bit(1, 5));
    expect(bench.read(0x600) & bit(7)).toBe(0n);
  });
});

describe('a trap into VS-mode', () => {
  it.each([
    ['VS', 1n],
    ['VU', 0n],
  ] as const)('from %s touches the guest’s registers only, and SRET goes back', (mode, spp) => {
    const bench = benchIn(mode);
    bench.write(0x302, bit(8, 13));
    bench.write(0x602, bit(8, 13));
    bench.set(0x200, bit(1));
    const before = [0x300, 0x600, 0x141, 0x142, 0x143, 0x643].map((number) => bench.read(number));
    bench.hart.raise(13, 0x4000n, { gva: true });
    deliver(bench.hart);
    expect(bench.mode).toBe('VS');
    expect([0x300, 0x600, 0x141, 0x142, 0x143, 0x643].map((number) => bench.read(number))).toEqual(before);
    const vsstatus = bench.read(0x200);
    expect((vsstatus >> 8n) & 1n).toBe(spp);
    expect(vsstatus & bit(1, 5)).toBe(bit(5));
    expect(bench.execute('sret')).toBe(1);
    expect(bench.mode).toBe(mode);
    expect(bench.context.pc).toBe(pc);
    expect(bench.read(0x200) & bit(1, 5, 8)).toBe(bit(1, 5));
  });
});

describe('a resident supervisor', () => {
  function resident(mode: Supervisor['mode'], from: ModeName) {
    const bench = benchIn(from);
    const traps: [number, boolean][] = [];
    bench.hart.supervisor = { mode, trap: (_hart: Hart, cause, interrupt) => traps.push([cause, interrupt]) };
    return { bench, traps };
  }

  it('in M-mode receives traps bound for M-mode, with the context as it was', () => {
    const { bench, traps } = resident('M', 'VS');
    bench.hart.raise(10);
    deliver(bench.hart);
    deliverInterrupt(bench.hart, 7);
    expect(traps).toEqual([
      [10, false],
      [7, true],
    ]);
    expect(bench.mode).toBe('VS');
    expect(bench.context.pc).toBe(pc);
    expect(bench.read(0x341)).toBe(0n);
  });

  it('in M-mode leaves delegated traps to S-mode and VS-mode', () => {
    const { bench, traps } = resident('M', 'VS');
    bench.write(0x302, bit(13, 21));
    bench.write(0x602, bit(13));
    bench.hart.raise(13);
    deliver(bench.hart);
    expect(bench.context.pc).toBe(V);
    bench.hart.raise(21);
    deliver(bench.hart);
    expect(bench.context.pc).toBe(S);
    expect(traps).toEqual([]);
  });

  it('in HS-mode receives all traps but those of VS-mode', () => {
    const { bench, traps } = resident('HS', 'VU');
    bench.write(0x302, bit(8, 13));
    bench.write(0x602, bit(8));
    bench.hart.raise(13);
    deliver(bench.hart);
    bench.hart.raise(2);
    deliver(bench.hart);
    bench.hart.raise(8);
    deliver(bench.hart);
    expect(traps).toEqual([
      [13, false],
      [2, false],
    ]);
    expect(bench.context.pc).toBe(V);
  });

  it('ends a wait', () => {
    const { bench } = resident('HS', 'U');
    bench.context.set('waiting', 1);
    deliverInterrupt(bench.hart, 9);
    expect(bench.context.get('waiting')).toBe(0);
  });
});

describe('the state of floating point', () => {
  it('becomes dirty in vsstatus and mstatus when a guest writes it, even if the guest traps before anyone looks', () => {
    const bench = benchIn('VS');
    bench.write(0x302, bit(21));
    bench.write(0x300, bit(13));
    bench.write(0x200, bit(13));
    bench.mode = 'VS';
    bench.context.set('fpDirty', 1);
    bench.hart.raise(21);
    deliver(bench.hart);
    expect(bench.mode).toBe('HS');
    expect((bench.read(0x200) >> 13n) & 3n).toBe(3n);
    expect((bench.read(0x100) >> 13n) & 3n).toBe(3n);
    expect(bench.read(0x100) >> 63n).toBe(1n);
  });

  it('leaves vsstatus alone when HS-mode or U-mode writes it', () => {
    const bench = benchIn('HS');
    bench.write(0x300, bit(13));
    bench.write(0x200, bit(13));
    bench.mode = 'HS';
    bench.context.set('fpDirty', 1);
    expect((bench.read(0x200) >> 13n) & 3n).toBe(1n);
    expect((bench.read(0x300) >> 13n) & 3n).toBe(3n);
  });

  it('is off in a guest when either status says so', () => {
    const bench = benchIn('M');
    for (const [host, guest, off] of [
      [0n, 0n, 1],
      [bit(13), 0n, 1],
      [0n, bit(13), 1],
      [bit(13), bit(13), 0],
    ] as const) {
      bench.write(0x300, host);
      bench.write(0x200, guest);
      bench.mode = 'VS';
      expect(bench.context.get('fpOff')).toBe(off);
      expect(bench.outcomeOf('csrrs', { csr: 3 })).toBe(off ? 'illegal' : 'ok');
      bench.mode = 'HS';
      expect(bench.context.get('fpOff')).toBe(host ? 0 : 1);
    }
  });

  it('is dirtied by writes of fflags, frm and fcsr, which are views of one register', () => {
    const bench = benchIn('M');
    bench.write(0x300, bit(13));
    expect(bench.execute('csrrw', { csr: 3, value: 0xffffn })).toBe(0);
    expect([bench.read(1), bench.read(2), bench.read(3)]).toEqual([0x1fn, 7n, 0xffn]);
    expect((bench.read(0x300) >> 13n) & 3n).toBe(3n);
    bench.write(1, 0x2n);
    bench.write(2, 1n);
    expect(bench.read(3)).toBe(0x22n);
  });

  it('counts a write that was not folded yet before FS is set to clean', () => {
    const bench = benchIn('M');
    bench.write(0x300, bit(13));
    bench.context.set('fpDirty', 1);
    bench.write(0x300, bit(14));
    expect((bench.read(0x300) >> 13n) & 3n).toBe(2n);
  });
});
