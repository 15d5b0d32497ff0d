import { describe, expect, it } from 'vitest';
import { csrs } from '../../../hw/hart/csr-file.ts';
import { Bench, modes, word } from './bench.ts';

const ones = 0xffff_ffff_ffff_ffffn;

/** [number, name, what reads back after zeros were written, after ones]. */
const warl: [number: number, name: string, zeros: bigint, ones: bigint][] = [
  [0x300, 'mstatus', 0xa_0000_0000n, 0x8000_00ca_007e_79aan],
  [0x301, 'misa', 0x8000_0000_0014_112fn | (1n << 7n), 0x8000_0000_0014_112fn | (1n << 7n)],
  [0x302, 'medeleg', 0n, 0xf0_b7ffn],
  [0x303, 'mideleg', 0x1444n, 0x1666n],
  [0x304, 'mie', 0n, 0x1eeen],
  [0x305, 'mtvec', 0n, ones & ~2n],
  [0x306, 'mcounteren', 0n, 0xffff_ffffn],
  [0x30a, 'menvcfg', 0n, 0xa000_0000_0000_0001n],
  [0x320, 'mcountinhibit', 0n, 5n],
  [0x323, 'mhpmevent3', 0n, 0n],
  [0x33f, 'mhpmevent31', 0n, 0n],
  [0x340, 'mscratch', 0n, ones],
  [0x341, 'mepc', 0n, ones & ~1n],
  [0x342, 'mcause', 0n, ones],
  [0x343, 'mtval', 0n, ones],
  [0x344, 'mip', 0n, 0x226n],
  [0x34a, 'mtinst', 0n, ones],
  [0x34b, 'mtval2', 0n, ones],
  [0x7a0, 'tselect', 0n, 0n],
  [0x7a1, 'tdata1', 0n, 0n],
  [0xb03, 'mhpmcounter3', 0n, 0n],
  [0xb1f, 'mhpmcounter31', 0n, 0n],
  [0x100, 'sstatus', 0x2_0000_0000n, 0x8000_0002_000c_6122n],
  [0x104, 'sie', 0n, 0n],
  [0x105, 'stvec', 0n, ones & ~2n],
  [0x106, 'scounteren', 0n, 0xffff_ffffn],
  [0x10a, 'senvcfg', 0n, 1n],
  [0x140, 'sscratch', 0n, ones],
  [0x141, 'sepc', 0n, ones & ~1n],
  [0x142, 'scause', 0n, ones],
  [0x143, 'stval', 0n, ones],
  [0x14d, 'stimecmp', 0n, ones],
  [0x180, 'satp', 0n, 0n],
  [0x600, 'hstatus', 0x2_0000_0000n, 0x2_0073_f3c0n],
  [0x602, 'hedeleg', 0n, 0xb1ffn],
  [0x603, 'hideleg', 0n, 0x444n],
  [0x604, 'hie', 0n, 0x1444n],
  [0x605, 'htimedelta', 0n, ones],
  [0x606, 'hcounteren', 0n, 0xffff_ffffn],
  [0x607, 'hgeie', 0n, ones & ~1n],
  [0x60a, 'henvcfg', 0n, 0x2000_0000_0000_0001n],
  [0x643, 'htval', 0n, ones],
  [0x644, 'hip', 0n, 4n],
  [0x645, 'hvip', 0n, 0x444n],
  [0x64a, 'htinst', 0n, ones],
  [0x680, 'hgatp', 0n, 0x03ff_ffff_ffff_fffcn],
  [0x200, 'vsstatus', 0x2_0000_0000n, 0x8000_0002_000c_6122n],
  [0x204, 'vsie', 0n, 0n],
  [0x205, 'vstvec', 0n, ones & ~2n],
  [0x240, 'vsscratch', 0n, ones],
  [0x241, 'vsepc', 0n, ones & ~1n],
  [0x242, 'vscause', 0n, ones],
  [0x243, 'vstval', 0n, ones],
  [0x244, 'vsip', 0n, 0n],
  [0x24d, 'vstimecmp', 0n, ones],
  [0x280, 'vsatp', 0n, 0n],
  [0xf11, 'mvendorid', 0n, 0n],
  [0xf14, 'mhartid', 0n, 0n],
];

describe('the CSR file', () => {
  it.each(warl.map(([number, name, ...rest]) => [name, number, ...rest] as const))(
    'legalises writes to %s',
    (name, number, zeros, full) => {
      const bench = new Bench();
      expect(csrs.get(number)?.name).toBe(name);
      bench.write(number, 0n);
      expect(bench.read(number)).toBe(zeros);
      bench.write(number, ones);
      expect(bench.read(number)).toBe(full);
      bench.write(number, 0n);
      expect(bench.read(number)).toBe(zeros);
    },
  );

  it('has exactly one register of each name', () => {
    const names = [...csrs.values()].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('accepts the translation modes it has and ignores a write of satp and vsatp with another', () => {
    const bench = new Bench();
    for (const number of [0x180, 0x280]) {
      for (const mode of [0n, 8n, 9n, 10n]) {
        const value = (mode << 60n) | 0x0abc_d123_4567_89abn;
        bench.write(number, value);
        expect(bench.read(number)).toBe(value);
      }
      bench.write(number, (11n << 60n) | 1n);
      expect(bench.read(number)).toBe(0xaabc_d123_4567_89abn);
    }
  });

  it('keeps the mode of hgatp when another is asked for, but takes the other fields', () => {
    const bench = new Bench();
    bench.write(0x680, (8n << 60n) | (3n << 44n) | 0x8_0000n);
    bench.write(0x680, (1n << 60n) | (5n << 44n) | 0x9_0003n);
    expect(bench.read(0x680)).toBe((8n << 60n) | (5n << 44n) | 0x9_0000n);
  });

  it('leaves mstatus.MPP alone when the reserved encoding is written', () => {
    const bench = new Bench();
    bench.write(0x300, 1n << 11n);
    bench.write(0x300, 2n << 11n);
    expect((bench.read(0x300) >> 11n) & 3n).toBe(1n);
  });

  it('lets HS-mode have no more of henvcfg than M-mode grants, and takes back what M-mode withdraws', () => {
    const bench = new Bench();
    bench.write(0x30a, ones);
    bench.write(0x60a, ones);
    expect(bench.read(0x60a)).toBe(0xa000_0000_0000_0001n);
    bench.write(0x30a, 1n << 61n);
    expect(bench.read(0x60a)).toBe(0x2000_0000_0000_0001n);
    expect(bench.context.csr('henvcfg')).toBe(0x2000_0000_0000_0001n);
    bench.write(0x60a, ones);
    expect(bench.read(0x60a)).toBe(0x2000_0000_0000_0001n);
  });

  it('is reached at the S-mode numbers by VS-mode, but holds VS-mode values there', () => {
    const pairs: [number, number, bigint][] = [
      [0x105, 0x205, 0x1000n],
      [0x140, 0x240, 7n],
      [0x141, 0x241, 8n],
      [0x142, 0x242, 9n],
      [0x143, 0x243, 10n],
      [0x14d, 0x24d, 11n],
      [0x180, 0x280, 12n],
    ];
    const bench = new Bench();
    for (const [s, vs, value] of pairs) {
      bench.write(s, 0n);
      bench.write(s, value, 'VS');
      expect(bench.read(vs)).toBe(value);
      expect(bench.read(s)).toBe(0n);
      expect(bench.read(s, 'VS')).toBe(value);
    }
    bench.write(0x100, 1n << 18n, 'VS');
    expect(bench.read(0x200) & (1n << 18n)).not.toBe(0n);
    expect(bench.read(0x100) & (1n << 18n)).toBe(0n);
    // Some have no counterpart in VS-mode.
    bench.write(0x10a, 1n, 'VS');
    expect(bench.read(0x10a)).toBe(1n);
  });
});

describe('access to CSRs', () => {
  /** The rule for registers without a rule of their own, by who owns the number. */
  const general = {
    U: { M: 'ok', HS: 'ok', U: 'ok', VS: 'ok', VU: 'ok' },
    S: { M: 'ok', HS: 'ok', U: 'illegal', VS: 'ok', VU: 'virtual' },
    HS: { M: 'ok', HS: 'ok', U: 'illegal', VS: 'virtual', VU: 'virtual' },
    M: { M: 'ok', HS: 'illegal', U: 'illegal', VS: 'illegal', VU: 'illegal' },
  } as const;

  it.each(modes)('obeys the modes and read-only numbers for all 4,096 numbers in %s', (mode) => {
    const bench = new Bench(mode, { supervisor: 'HS' });
    bench.write(0x300, 1n << 13n);
    bench.write(0x200, 1n << 13n);
    for (let number = 0; number < 4096; number++) {
      const owner = (['U', 'S', 'HS', 'M'] as const)[(number >>> 8) & 3]!;
      const exists = csrs.has(number);
      bench.mode = mode;
      expect(bench.outcomeOf('csrrs', { csr: number }), `read ${number.toString(16)}`).toBe(
        exists ? general[owner][mode] : 'illegal',
      );
      bench.mode = mode;
      const readOnly = number >>> 10 === 3;
      const value = exists ? bench.read(number, mode) : 0n;
      expect(bench.outcomeOf('csrrw', { csr: number, value }), `write ${number.toString(16)}`).toBe(
        exists && !readOnly ? general[owner][mode] : 'illegal',
      );
    }
  });

  it('reports the instruction in tval', () => {
    const bench = new Bench('U');
    expect(bench.outcomeOf('csrrs', { csr: 0x300 })).toBe('illegal');
    expect(bench.hart.tval).toBe(BigInt(word));
    expect(bench.context.pc).toBe(0x8000_1000n);
  });

  it('traps satp in HS-mode with TVM and in VS-mode with VTVM', () => {
    const bench = new Bench();
    bench.set(0x300, 1n << 20n);
    bench.mode = 'HS';
    expect(bench.outcomeOf('csrrs', { csr: 0x180 })).toBe('illegal');
    expect(bench.outcomeOf('csrrs', { csr: 0x680 })).toBe('illegal');
    expect(bench.outcomeOf('csrrs', { csr: 0x280 })).toBe('ok');
    bench.mode = 'VS';
    expect(bench.outcomeOf('csrrs', { csr: 0x180 })).toBe('ok');
    expect(bench.outcomeOf('csrrs', { csr: 0x680 })).toBe('virtual');
    bench.set(0x600, 1n << 20n);
    expect(bench.outcomeOf('csrrs', { csr: 0x180 })).toBe('virtual');
    bench.mode = 'VU';
    expect(bench.outcomeOf('csrrs', { csr: 0x180 })).toBe('virtual');
    bench.mode = 'M';
    expect(bench.outcomeOf('csrrs', { csr: 0x180 })).toBe('ok');
  });
});

describe('CSR instructions', () => {
  it('read the old value and write the operand, its bits set, or its bits cleared', () => {
    const bench = new Bench();
    const steps: [Parameters<Bench['execute']>[0], bigint, bigint, bigint][] = [
      ['csrrw', 0x0bad_1dean, 0n, 0x0bad_1dean],
      ['csrrc', 0x0000_1dean, 0x0bad_1dean, 0x0bad_0000n],
      ['csrrs', 0x0000_beefn, 0x0bad_0000n, 0x0bad_beefn],
      ['csrrw', -1n, 0x0bad_beefn, ones],
    ];
    for (const [operation, value, old, next] of steps) {
      expect(bench.execute(operation, { csr: 0x340, value })).toBe(0);
      expect(bench.context.x(7)).toBe(old);
      expect(bench.read(0x340)).toBe(next);
    }
    bench.execute('csrrwi', { csr: 0x340, rs1: 31 });
    expect(bench.context.x(7)).toBe(-1n);
    bench.execute('csrrci', { csr: 0x340, rs1: 9 });
    bench.execute('csrrsi', { csr: 0x340, rs1: 1 });
    expect(bench.context.x(7)).toBe(22n);
    expect(bench.read(0x340)).toBe(23n);
  });

  it('may read a read-only register through set and clear of x0 or a zero immediate', () => {
    const bench = new Bench();
    expect(bench.outcomeOf('csrrs', { csr: 0xf14 })).toBe('ok');
    expect(bench.outcomeOf('csrrc', { csr: 0xf14 })).toBe('ok');
    expect(bench.outcomeOf('csrrsi', { csr: 0xf14, rs1: 0 })).toBe('ok');
    expect(bench.outcomeOf('csrrci', { csr: 0xf14, rs1: 0 })).toBe('ok');
    expect(bench.outcomeOf('csrrs', { csr: 0xf14, value: 0n })).toBe('illegal');
    expect(bench.outcomeOf('csrrsi', { csr: 0xf14, rs1: 1 })).toBe('illegal');
    expect(bench.outcomeOf('csrrw', { csr: 0xf14 })).toBe('illegal');
    expect(bench.outcomeOf('csrrwi', { csr: 0xf14, rs1: 0 })).toBe('illegal');
  });

  it('read rs1 before they write rd', () => {
    const bench = new Bench();
    bench.write(0x340, 1n);
    bench.execute('csrrw', { csr: 0x340, value: 2n, rd: 5 });
    expect(bench.context.x(5)).toBe(1n);
    expect(bench.read(0x340)).toBe(2n);
  });

  it('go on with the next instruction when nothing that is cached changed', () => {
    const bench = new Bench('HS', { supervisor: 'M' });
    for (const csr of [0x140, 0x141, 0x142, 0x143, 0x105]) {
      expect(bench.execute('csrrw', { csr, value: 0x40n })).toBe(0);
    }
    // Interrupts on and off with none pending.
    expect(bench.execute('csrrsi', { csr: 0x100, rs1: 2 })).toBe(0);
    expect(bench.execute('csrrci', { csr: 0x100, rs1: 2 })).toBe(0);
    expect(bench.port.calls).toEqual([]);
  });

  it('leave the loop when SUM, MPRV, satp, PMP, a timer or the state of floating point changes', () => {
    const bench = new Bench('HS', { supervisor: 'M' });
    const step = (csr: number, value: bigint, calls: string[]) => {
      bench.port.calls = [];
      expect(bench.execute('csrrs', { csr, value })).toBe(1);
      expect(bench.context.pc).toBe(0x8000_1004n);
      expect(bench.port.calls).toEqual(calls.map((call) => [call]));
    };
    step(0x100, 1n << 18n, ['translationChanged']);
    expect(bench.execute('csrrs', { csr: 0x100, value: 1n << 18n })).toBe(0);
    step(0x100, 1n << 13n, []);
    step(0x180, (8n << 60n) | 0x8_0000n, ['translationChanged']);
    bench.write(0x14d, 0n);
    step(0x14d, 0x1000n, []);
    bench.mode = 'M';
    step(0x300, 1n << 17n, ['translationChanged']);
    step(0x3b1, 5n, ['protectionChanged']);
    // SUM means nothing to U-mode accesses.
    bench.write(0x300, 1n << 17n);
    expect(bench.execute('csrrs', { csr: 0x300, value: 1n << 18n })).toBe(0);
  });

  it('leave the loop when an interrupt becomes takeable', () => {
    const bench = new Bench('HS', { supervisor: 'M' });
    expect(bench.execute('csrrs', { csr: 0x144, value: 2n })).toBe(0);
    expect(bench.execute('csrrs', { csr: 0x104, value: 2n })).toBe(0);
    expect(bench.execute('csrrs', { csr: 0x100, value: 2n })).toBe(1);
  });
});
