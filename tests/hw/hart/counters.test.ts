import { describe, expect, it } from 'vitest';
import { Bench, modes } from './bench.ts';

const numbers = { cycle: 0xc00, time: 0xc01, instret: 0xc02, hpmcounter3: 0xc03, hpmcounter31: 0xc1f } as const;
const bitOf = { cycle: 1n, time: 2n, instret: 4n, hpmcounter3: 8n, hpmcounter31: 1n << 31n } as const;

describe('counters', () => {
  it('show the hart’s cycles, instructions and time', () => {
    const bench = new Bench('M');
    bench.port.mtime = 77n;
    expect([bench.read(0xb00), bench.read(0xb02)]).toEqual([1000n, 500n]);
    expect([bench.read(0xc00), bench.read(0xc01), bench.read(0xc02)]).toEqual([1000n, 77n, 500n]);
  });

  it('add htimedelta to the time of a guest', () => {
    const bench = new Bench('M');
    bench.port.mtime = 77n;
    bench.write(0x605, -70n);
    expect(bench.read(0xc01, 'VS')).toBe(7n);
    expect(bench.read(0xc01, 'VU')).toBe(7n);
    expect(bench.read(0xc01, 'HS')).toBe(77n);
  });

  it('read in the next instruction what was written', () => {
    const bench = new Bench('M');
    bench.execute('csrrw', { csr: 0xb02, value: 0n });
    bench.port.instretCount += 1n;
    expect(bench.read(0xb02)).toBe(0n);
    bench.port.instretCount += 5n;
    expect(bench.read(0xc02)).toBe(5n);
    bench.execute('csrrw', { csr: 0xb00, value: -1n });
    bench.port.cycleCount += 2n;
    expect(bench.read(0xb00)).toBe(0n);
  });

  it('stand still while they are inhibited, and can be written then', () => {
    const bench = new Bench('M');
    bench.execute('csrrw', { csr: 0x320, value: 1n });
    bench.port.cycleCount += 100n;
    bench.port.instretCount += 100n;
    expect(bench.read(0xb00)).toBe(1001n);
    expect(bench.read(0xb02)).toBe(600n);
    bench.execute('csrrw', { csr: 0xb00, value: 7n });
    expect(bench.read(0xb00)).toBe(7n);
    bench.execute('csrrw', { csr: 0x320, value: 0n });
    bench.port.cycleCount += 10n;
    expect(bench.read(0xb00)).toBe(16n);
  });

  it('cannot be written through their user-level numbers', () => {
    for (const csr of [0xc00, 0xc01, 0xc02, 0xc03]) {
      expect(new Bench('M').outcomeOf('csrrw', { csr, value: 0n })).toBe('illegal');
    }
  });

  it.each(Object.keys(numbers) as (keyof typeof numbers)[])('are enabled level by level: %s', (name) => {
    for (const mode of modes) {
      for (const m of [false, true]) {
        for (const h of [false, true]) {
          for (const s of [false, true]) {
            const bench = new Bench('M');
            bench.write(0x306, m ? bitOf[name] : 0n);
            bench.write(0x606, h ? bitOf[name] : 0n);
            bench.write(0x106, s ? bitOf[name] : 0n);
            bench.mode = mode;
            let expected: string = 'ok';
            if (mode !== 'M' && !m) expected = 'illegal';
            else if ((mode === 'VS' || mode === 'VU') && !h) expected = 'virtual';
            else if (mode === 'VU' && !s) expected = 'virtual';
            else if (mode === 'U' && !s) expected = 'illegal';
            expect([mode, m, h, s, bench.outcomeOf('csrrs', { csr: numbers[name] })]).toEqual([
              mode,
              m,
              h,
              s,
              expected,
            ]);
          }
        }
      }
    }
  });
});
