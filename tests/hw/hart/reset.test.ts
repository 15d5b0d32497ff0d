import { describe, expect, it } from 'vitest';
import { resetContext } from '../../../hw/hart/reset.ts';
import { Bench, modes, pc } from './bench.ts';

describe('a context after reset', () => {
  it('is in the mode and at the address that were asked for, with nothing else set', () => {
    for (const mode of modes) {
      const bench = new Bench(mode);
      expect(bench.mode).toBe(mode);
      expect(bench.context.pc).toBe(pc);
      expect(bench.context.get('fpOff')).toBe(1);
      expect([bench.read(0x302), bench.read(0x303), bench.read(0x304), bench.read(0x344)]).toEqual([
        0n,
        0x1444n,
        0n,
        0n,
      ]);
      expect([bench.read(0x300), bench.read(0x3a0), bench.read(0x180), bench.read(0x680)]).toEqual([
        0xa_0000_0000n,
        0n,
        0n,
        0n,
      ]);
    }
  });

  it('forgets what the context was used for before', () => {
    const { context } = new Bench('M');
    context.setX(10, 5n);
    context.setF(3, 9n);
    context.set('waiting', 1);
    resetContext(context, { pc, privilege: 1 });
    expect([context.x(10), context.f(3), context.get('waiting'), context.get('privilege')]).toEqual([0n, 0n, 0, 1]);
  });

  it('leaves to firmware what only firmware handles', () => {
    const bench = new Bench('HS', { supervisor: 'M' });
    expect(bench.read(0x302)).toBe(0xf0_b5ffn);
    expect(bench.read(0x303)).toBe(0x1666n);
    expect(bench.outcomeOf('csrrs', { csr: 0xc01 })).toBe('ok');
    expect(bench.outcomeOf('csrrs', { csr: 0x14d })).toBe('ok');
    bench.mode = 'U';
    expect(bench.outcomeOf('csrrs', { csr: 0xc01 })).toBe('illegal');
  });

  it('under a resident hypervisor brings every trap there, and lets programs and guests read the clock', () => {
    const bench = new Bench('VU', { supervisor: 'HS' });
    expect([bench.read(0x302), bench.read(0x602), bench.read(0x603)]).toEqual([0xf0_b7ffn, 0n, 0n]);
    for (const mode of ['U', 'VS', 'VU'] as const) {
      bench.mode = mode;
      expect(bench.outcomeOf('csrrs', { csr: 0xc01 })).toBe('ok');
    }
    bench.mode = 'VS';
    expect(bench.outcomeOf('csrrs', { csr: 0x14d })).toBe('ok');
  });
});
