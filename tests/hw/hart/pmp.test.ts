import { describe, expect, it } from 'vitest';
import { Bench } from './bench.ts';

const ones = 0xffff_ffff_ffff_ffffn;

describe('physical memory protection registers', () => {
  it('tell their granularity of 4 KiB as software probes it', () => {
    const bench = new Bench('M');
    bench.write(0x3a0, 0n);
    bench.write(0x3b0, ones);
    expect(bench.read(0x3b0)).toBe(0x3f_ffff_ffff_fc00n);
  });

  it('show as much of an address as the mode uses, and keep the rest', () => {
    const bench = new Bench('M');
    bench.write(0x3b3, 0x12_3456n);
    expect(bench.read(0x3b3)).toBe(0x12_3400n);
    bench.write(0x3a0, 0x08n << 24n);
    expect(bench.read(0x3b3)).toBe(0x12_3400n);
    bench.write(0x3a0, 0x18n << 24n);
    expect(bench.read(0x3b3)).toBe(0x12_35ffn);
    expect(bench.context.csr('pmpaddr3')).toBe(0x12_3456n);
  });

  it('refuse NA4, writable without readable, and reserved bits', () => {
    const bench = new Bench('M');
    bench.write(0x3a0, 0x7f_1f_0f_06_17_02_03n);
    expect(bench.read(0x3a0)).toBe(0x1f_1f_0f_04_07_00_03n);
  });

  it('stay as they are once locked', () => {
    const bench = new Bench('M');
    bench.write(0x3b2, 0x1000n);
    bench.write(0x3a0, 0x9fn << 16n);
    bench.write(0x3a0, ones);
    bench.write(0x3b2, ones);
    expect(bench.read(0x3a0) & 0xff_0000n).toBe(0x9f_0000n);
    expect(bench.context.csr('pmpaddr2')).toBe(0x1000n);
    // The others were still open.
    expect(bench.read(0x3a0) & 0xff00n).toBe(0x9f00n);
  });

  it('lock the lower bound of a locked range as well', () => {
    const bench = new Bench('M');
    bench.write(0x3b8, 0x1000n);
    bench.write(0x3b9, 0x2000n);
    bench.write(0x3a2, 0x89n << 8n);
    bench.write(0x3b8, 0n);
    expect(bench.context.csr('pmpaddr8')).toBe(0x1000n);
    bench.write(0x3b7, 0x400n);
    expect(bench.context.csr('pmpaddr7')).toBe(0x400n);
    expect(bench.read(0x3a2)).toBe(0x8900n);
  });
});
