import { describe, expect, it } from 'vitest';
import { pendingInterrupt, timerDeadline, wfiWakes } from '../../../hw/hart/interrupts.ts';
import { deliverInterrupt } from '../../../hw/hart/trap.ts';
import { Bench, modes } from './bench.ts';

const bit = (...bits: number[]): bigint => bits.reduce((all, one) => all | (1n << BigInt(one)), 0n);
const stce = 1n << 63n;

/** Makes every interrupt pending that can be. */
function raiseAll(bench: Bench): void {
  bench.hart.lines = Number(bit(3, 7, 11, 9));
  bench.hart.guestLines = 2n;
  bench.write(0x607, 2n);
  bench.write(0x344, bit(1, 5));
  bench.write(0x645, bit(2, 6, 10));
}

describe('pending interrupts', () => {
  it('are taken in the order MEI, MSI, MTI, SEI, SSI, STI, SGEI, VSEI, VSSI, VSTI', () => {
    const bench = new Bench('VU');
    raiseAll(bench);
    const taken: number[] = [];
    for (let enabled = bit(1, 2, 3, 5, 6, 7, 9, 10, 11, 12); enabled !== 0n; ) {
      bench.write(0x304, enabled);
      const next = pendingInterrupt(bench.hart);
      taken.push(next);
      enabled &= ~(1n << BigInt(next));
    }
    expect(taken).toEqual([11, 3, 7, 9, 1, 5, 12, 10, 2, 6]);
    bench.write(0x304, 0n);
    expect(pendingInterrupt(bench.hart)).toBe(-1);
  });

  it('go to the more privileged mode first', () => {
    const bench = new Bench('VU');
    raiseAll(bench);
    bench.write(0x304, bit(2, 5, 12));
    bench.write(0x603, bit(2));
    // STI to M, SGEI to HS, VSSI to VS.
    expect(pendingInterrupt(bench.hart)).toBe(5);
    bench.write(0x303, bit(5));
    expect(pendingInterrupt(bench.hart)).toBe(5);
    bench.write(0x304, bit(2, 12));
    expect(pendingInterrupt(bench.hart)).toBe(12);
    bench.write(0x304, bit(2));
    expect(pendingInterrupt(bench.hart)).toBe(2);
  });

  it.each(modes)('obey the global enables in %s', (mode) => {
    for (const mie of [false, true]) {
      for (const sie of [false, true]) {
        for (const vsie of [false, true]) {
          for (const [code, level] of [
            [7, 'M'],
            [5, 'HS'],
            [6, 'VS'],
          ] as const) {
            const bench = new Bench('M');
            raiseAll(bench);
            bench.write(0x303, bit(5));
            bench.write(0x603, bit(6));
            bench.write(0x304, bit(code));
            bench.write(0x300, (mie ? bit(3) : 0n) | (sie ? bit(1) : 0n));
            bench.write(0x200, vsie ? bit(1) : 0n);
            bench.mode = mode;
            const taken = {
              M: mode !== 'M' || mie,
              HS: mode !== 'M' && (mode !== 'HS' || sie),
              VS: mode === 'VU' || (mode === 'VS' && vsie),
            }[level];
            expect([level, mie, sie, vsie, pendingInterrupt(bench.hart)]).toEqual([
              level,
              mie,
              sie,
              vsie,
              taken ? code : -1,
            ]);
          }
        }
      }
    }
  });

  it('take a guest’s interrupt in HS-mode when it is not delegated further', () => {
    const bench = new Bench('VS');
    bench.write(0x645, bit(2));
    bench.write(0x304, bit(2));
    expect(pendingInterrupt(bench.hart)).toBe(2);
    deliverInterrupt(bench.hart, 2);
    expect(bench.mode).toBe('HS');
    expect(bench.read(0x142)).toBe((1n << 63n) | 2n);
    expect(pendingInterrupt(bench.hart)).toBe(-1);
  });

  it('show the line or the software bit in SEIP, and only the bit takes part in a read-modify-write', () => {
    const bench = new Bench('M');
    bench.hart.lines = Number(bit(9));
    expect(bench.execute('csrrs', { csr: 0x344, value: bit(1) })).toBe(0);
    expect(BigInt.asUintN(64, bench.context.x(7))).toBe(bit(9));
    bench.hart.lines = 0;
    expect(bench.read(0x344)).toBe(bit(1));
    bench.execute('csrrs', { csr: 0x344, value: bit(9) });
    expect(bench.read(0x344)).toBe(bit(1, 9));
  });

  it('show VSEIP for the guest line that VGEIN selects, and SGEIP for those that hgeie enables', () => {
    const bench = new Bench('M');
    bench.hart.guestLines = bit(5, 63);
    expect(bench.read(0xe12)).toBe(bit(5, 63));
    expect(bench.read(0x644)).toBe(0n);
    bench.write(0x600, 5n << 12n);
    expect(bench.read(0x644)).toBe(bit(10));
    bench.write(0x600, 6n << 12n);
    expect(bench.read(0x644)).toBe(0n);
    bench.write(0x607, bit(63));
    expect(bench.read(0x644)).toBe(bit(12));
  });
});

describe('views of mip and mie', () => {
  it('show S-mode what M-mode delegates, and VS-mode what HS-mode delegates, one bit lower', () => {
    const bench = new Bench('M');
    bench.write(0x304, bit(1, 2, 5, 6, 9, 10));
    bench.write(0x344, bit(1, 5, 9));
    bench.write(0x645, bit(2, 6, 10));
    expect([bench.read(0x104), bench.read(0x144), bench.read(0x204), bench.read(0x244)]).toEqual([0n, 0n, 0n, 0n]);
    bench.write(0x303, bit(1, 9));
    bench.write(0x603, bit(2, 10));
    expect([bench.read(0x104), bench.read(0x144)]).toEqual([bit(1, 9), bit(1, 9)]);
    expect([bench.read(0x204), bench.read(0x244)]).toEqual([bit(1, 9), bit(1, 9)]);
    expect([bench.read(0x104, 'VS'), bench.read(0x144, 'VS')]).toEqual([bit(1, 9), bit(1, 9)]);
    expect([bench.read(0x604), bench.read(0x644)]).toEqual([bit(2, 6, 10), bit(2, 6, 10)]);
  });

  it('let S-mode and VS-mode write their enables and their software interrupt, and nothing else', () => {
    const bench = new Bench('M');
    const ones = 0xffff_ffff_ffff_ffffn;
    bench.write(0x303, bit(1, 5, 9));
    bench.write(0x603, bit(2, 6, 10));
    bench.write(0x104, ones);
    expect(bench.read(0x304)).toBe(bit(1, 5, 9));
    bench.write(0x104, ones, 'VS');
    expect(bench.read(0x304)).toBe(bit(1, 2, 5, 6, 9, 10));
    bench.write(0x104, 0n);
    expect(bench.read(0x304)).toBe(bit(2, 6, 10));
    bench.write(0x144, ones);
    expect(bench.read(0x344)).toBe(bit(1));
    bench.write(0x144, ones, 'VS');
    expect(bench.read(0x344)).toBe(bit(1, 2));
    expect(bench.read(0x645)).toBe(bit(2));
    bench.write(0x644, 0n);
    expect(bench.read(0x344)).toBe(bit(1));
    bench.write(0x344, bit(2));
    expect([bench.read(0x645), bench.read(0x644), bench.read(0x344)]).toEqual([bit(2), bit(2), bit(2)]);
  });
});

describe('Sstc', () => {
  it('makes STIP the comparison of time and stimecmp, and takes it out of software’s hands', () => {
    const bench = new Bench('M');
    bench.write(0x344, bit(5));
    expect(bench.read(0x344)).toBe(bit(5));
    bench.write(0x30a, stce);
    bench.write(0x14d, 100n);
    bench.port.mtime = 99n;
    expect(bench.read(0x344)).toBe(0n);
    bench.port.mtime = 100n;
    expect(bench.read(0x344)).toBe(bit(5));
    bench.write(0x344, 0n);
    expect(bench.read(0x344)).toBe(bit(5));
    bench.write(0x14d, 0xffff_ffff_ffff_ffffn);
    expect(bench.read(0x344)).toBe(0n);
  });

  it('raises VSTIP by hvip or by the guest’s time, which wraps around', () => {
    const bench = new Bench('M');
    bench.write(0x30a, stce);
    bench.write(0x24d, 50n);
    bench.write(0x605, -1000n);
    bench.port.mtime = 1049n;
    bench.write(0x60a, stce);
    expect(bench.read(0x644)).toBe(0n);
    bench.write(0x645, bit(6));
    expect(bench.read(0x644)).toBe(bit(6));
    bench.write(0x645, 0n);
    bench.port.mtime = 1050n;
    expect(bench.read(0x644)).toBe(bit(6));
    expect(bench.read(0x645)).toBe(0n);
    bench.write(0x60a, 0n);
    expect(bench.read(0x644)).toBe(0n);
  });

  it.each([
    ['HS', 0x14d, { mcounteren: true, menvcfg: true }, 'ok'],
    ['HS', 0x14d, { mcounteren: false, menvcfg: true }, 'illegal'],
    ['HS', 0x14d, { mcounteren: true, menvcfg: false }, 'illegal'],
    ['HS', 0x24d, { mcounteren: true, menvcfg: true }, 'ok'],
    ['HS', 0x24d, { mcounteren: false, menvcfg: true }, 'illegal'],
    ['HS', 0x24d, { mcounteren: true, menvcfg: false }, 'illegal'],
    ['U', 0x14d, { mcounteren: true, menvcfg: true }, 'illegal'],
    ['VS', 0x14d, { mcounteren: true, menvcfg: true, hcounteren: true, henvcfg: true }, 'ok'],
    ['VS', 0x14d, { mcounteren: false, menvcfg: true, hcounteren: true, henvcfg: true }, 'illegal'],
    ['VS', 0x14d, { mcounteren: true, menvcfg: false, hcounteren: true, henvcfg: true }, 'illegal'],
    ['VS', 0x14d, { mcounteren: true, menvcfg: true, hcounteren: false, henvcfg: true }, 'virtual'],
    ['VS', 0x14d, { mcounteren: true, menvcfg: true, hcounteren: true, henvcfg: false }, 'virtual'],
    ['VS', 0x24d, { mcounteren: true, menvcfg: true, hcounteren: true, henvcfg: true }, 'virtual'],
    ['VS', 0x24d, { mcounteren: false, menvcfg: true, hcounteren: true, henvcfg: true }, 'illegal'],
    ['VU', 0x14d, { mcounteren: true, menvcfg: true, hcounteren: true, henvcfg: true }, 'virtual'],
    ['VU', 0x14d, { mcounteren: false, menvcfg: true, hcounteren: true, henvcfg: true }, 'illegal'],
    ['M', 0x14d, {}, 'ok'],
    ['M', 0x24d, {}, 'ok'],
  ] as const)('in %s allows %i with %o: %s', (mode, csr, on: { [name: string]: boolean }, expected) => {
    const bench = new Bench('M');
    if (on.mcounteren) bench.write(0x306, 2n);
    if (on.hcounteren) bench.write(0x606, 2n);
    if (on.menvcfg) bench.write(0x30a, stce);
    if (on.henvcfg) bench.write(0x60a, stce);
    bench.mode = mode;
    expect(bench.outcomeOf('csrrs', { csr })).toBe(expected);
  });

  it('tells the next deadline of both timers', () => {
    const bench = new Bench('M');
    bench.port.mtime = 10n;
    bench.write(0x14d, 500n);
    expect(timerDeadline(bench.hart)).toBe(Infinity);
    bench.write(0x30a, stce);
    expect(timerDeadline(bench.hart)).toBe(500);
    bench.write(0x60a, stce);
    bench.write(0x605, -100n);
    bench.write(0x24d, 20n);
    expect(timerDeadline(bench.hart)).toBe(120);
    bench.port.mtime = 120n;
    expect(timerDeadline(bench.hart)).toBe(500);
    bench.port.mtime = 500n;
    expect(timerDeadline(bench.hart)).toBe(Infinity);
  });
});

describe('WFI', () => {
  it('wakes for an enabled interrupt whatever the global enables and delegation say', () => {
    for (const mode of modes) {
      const bench = new Bench(mode);
      bench.write(0x303, bit(1, 5, 9));
      bench.write(0x603, bit(2, 6, 10));
      bench.write(0x645, bit(2));
      expect(wfiWakes(bench.hart)).toBe(false);
      bench.write(0x304, bit(6));
      expect(wfiWakes(bench.hart)).toBe(false);
      bench.write(0x304, bit(2));
      expect(wfiWakes(bench.hart)).toBe(true);
    }
  });
});
