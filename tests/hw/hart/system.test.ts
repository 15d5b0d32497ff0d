import { describe, expect, it } from 'vitest';
import type { SystemOperation } from '../../../hw/isa/semantics.ts';
import { Bench, type ModeName, modes, nextPc, pc, word } from './bench.ts';

const bit = (...bits: number[]): bigint => bits.reduce((all, one) => all | (1n << BigInt(one)), 0n);
const tvm = bit(20);
const tw = bit(21);
const tsr = bit(22);
const vtvm = bit(20);
const vtw = bit(21);
const vtsr = bit(22);
const hu = bit(9);

type Result = 'ok' | 'illegal' | 'virtual';
type Row = Record<ModeName, Result>;
const row = (M: Result, HS: Result, U: Result, VS: Result, VU: Result): Row => ({ M, HS, U, VS, VU });

const supervisorOnly = row('ok', 'ok', 'illegal', 'ok', 'virtual');
const hypervisorOnly = row('ok', 'ok', 'illegal', 'virtual', 'virtual');

/** [operations, mstatus, hstatus, what each mode gets]. */
const rules: [SystemOperation[], bigint, bigint, Row][] = [
  [['mret'], 0n, 0n, row('ok', 'illegal', 'illegal', 'illegal', 'illegal')],
  [['sret'], 0n, 0n, supervisorOnly],
  [['sret'], tsr, 0n, row('ok', 'illegal', 'illegal', 'ok', 'virtual')],
  [['sret'], 0n, vtsr, row('ok', 'ok', 'illegal', 'virtual', 'virtual')],
  [['wfi'], 0n, 0n, supervisorOnly],
  [['wfi'], tw, 0n, row('ok', 'illegal', 'illegal', 'illegal', 'illegal')],
  [['wfi'], 0n, vtw, row('ok', 'ok', 'illegal', 'virtual', 'virtual')],
  [['wfi'], tw, vtw, row('ok', 'illegal', 'illegal', 'illegal', 'illegal')],
  [['sfence.vma', 'sinval.vma'], 0n, 0n, supervisorOnly],
  [['sfence.vma', 'sinval.vma'], tvm, 0n, row('ok', 'illegal', 'illegal', 'ok', 'virtual')],
  [['sfence.vma', 'sinval.vma'], 0n, vtvm, row('ok', 'ok', 'illegal', 'virtual', 'virtual')],
  [['sfence.w.inval', 'sfence.inval.ir'], tvm, vtvm, supervisorOnly],
  [['hfence.vvma', 'hinval.vvma'], 0n, 0n, hypervisorOnly],
  [['hfence.vvma', 'hinval.vvma'], tvm, vtvm, hypervisorOnly],
  [['hfence.gvma', 'hinval.gvma'], 0n, 0n, hypervisorOnly],
  [['hfence.gvma', 'hinval.gvma'], tvm, 0n, row('ok', 'illegal', 'illegal', 'virtual', 'virtual')],
  [['hlv.b', 'hlv.bu', 'hlv.h', 'hlv.hu', 'hlv.w', 'hlv.wu', 'hlv.d', 'hlvx.hu', 'hlvx.wu'], 0n, 0n, hypervisorOnly],
  [
    ['hlv.b', 'hlv.bu', 'hlv.h', 'hlv.hu', 'hlv.w', 'hlv.wu', 'hlv.d', 'hlvx.hu', 'hlvx.wu'],
    0n,
    hu,
    row('ok', 'ok', 'ok', 'virtual', 'virtual'),
  ],
  [['hsv.b', 'hsv.h', 'hsv.w', 'hsv.d'], 0n, 0n, hypervisorOnly],
  [['hsv.b', 'hsv.h', 'hsv.w', 'hsv.d'], 0n, hu, row('ok', 'ok', 'ok', 'virtual', 'virtual')],
];

describe('system instructions', () => {
  const cases = rules.flatMap(([operations, mstatus, hstatus, expected]) =>
    operations.map((operation) => ({ operation, mstatus, hstatus, expected })),
  );
  it.each(cases)(
    'raise illegal or virtual instruction as the mode and mstatus=$mstatus, hstatus=$hstatus say: $operation',
    ({ operation, mstatus, hstatus, expected }) => {
      for (const mode of modes) {
        const bench = new Bench(mode);
        bench.set(0x300, mstatus);
        bench.set(0x600, hstatus);
        expect([mode, bench.outcomeOf(operation)]).toEqual([mode, expected[mode]]);
        if (expected[mode] === 'ok') continue;
        expect(bench.hart.tval).toBe(BigInt(word));
        expect(bench.context.pc).toBe(pc);
        expect(bench.port.calls).toEqual([]);
      }
    },
  );

  it('break with the address of the instruction, which in a guest is a guest virtual address', () => {
    for (const mode of modes) {
      const bench = new Bench(mode);
      expect(bench.outcomeOf('ebreak')).toBe(3);
      expect(bench.hart.tval).toBe(pc);
      expect(bench.hart.gva).toBe(mode.startsWith('V'));
    }
  });

  it('wait in WFI, unless an enabled interrupt is pending', () => {
    const bench = new Bench('HS');
    expect(bench.execute('wfi')).toBe(1);
    expect(bench.context.get('waiting')).toBe(1);
    expect(bench.context.pc).toBe(nextPc);
    bench.context.set('waiting', 0);
    bench.write(0x304, 8n);
    bench.hart.lines = 8;
    expect(bench.execute('wfi')).toBe(0);
    expect(bench.context.get('waiting')).toBe(0);
  });
});

describe('fences', () => {
  const address = 0xffff_ffc0_0000_1000n;
  const operands = { value: address, value2: 0x7_1234n };

  it('of the first stage name address and ASID, and all where the register is x0', () => {
    for (const operation of ['sfence.vma', 'sinval.vma'] as const) {
      const bench = new Bench('HS');
      expect(bench.execute(operation, operands)).toBe(1);
      bench.execute(operation, { value: address });
      bench.execute(operation, { value2: 5n });
      bench.execute(operation);
      expect(bench.port.calls).toEqual([
        ['fence', { stage: 'first', virtual: false, address, asid: 0x1234 }],
        ['fence', { stage: 'first', virtual: false, address }],
        ['fence', { stage: 'first', virtual: false, asid: 5 }],
        ['fence', { stage: 'first', virtual: false }],
      ]);
    }
  });

  it('by a guest, and HFENCE.VVMA, are limited to the current VMID', () => {
    for (const [mode, operation] of [
      ['VS', 'sfence.vma'],
      ['HS', 'hfence.vvma'],
      ['HS', 'hinval.vvma'],
    ] as const) {
      const bench = new Bench(mode);
      bench.write(0x680, (8n << 60n) | (0x2abcn << 44n));
      bench.port.calls = [];
      bench.execute(operation, operands);
      bench.execute(operation);
      expect(bench.port.calls).toEqual([
        ['fence', { stage: 'first', virtual: true, vmid: 0x2abc, address, asid: 0x1234 }],
        ['fence', { stage: 'first', virtual: true, vmid: 0x2abc }],
      ]);
    }
  });

  it('of the guest stage name a guest physical address divided by four, and a VMID', () => {
    for (const operation of ['hfence.gvma', 'hinval.gvma'] as const) {
      const bench = new Bench('HS');
      bench.execute(operation, { value: 0x8000_1000n >> 2n, value2: 0xf001n });
      bench.execute(operation);
      expect(bench.port.calls).toEqual([
        ['fence', { stage: 'guest', virtual: true, address: 0x8000_1000n, vmid: 0x3001 }],
        ['fence', { stage: 'guest', virtual: true }],
      ]);
    }
  });
});

describe('hypervisor loads and stores', () => {
  it('extend what they load', () => {
    const bench = new Bench('HS');
    bench.port.memory = 0xfedc_ba98_8654_f2f0n;
    const loaded = (operation: SystemOperation): bigint => {
      expect(bench.execute(operation, { value: 0x1000n })).toBe(0);
      return BigInt.asUintN(64, bench.context.x(7));
    };
    expect(loaded('hlv.b')).toBe(0xffff_ffff_ffff_fff0n);
    expect(loaded('hlv.bu')).toBe(0xf0n);
    expect(loaded('hlv.h')).toBe(0xffff_ffff_ffff_f2f0n);
    expect(loaded('hlv.hu')).toBe(0xf2f0n);
    expect(loaded('hlvx.hu')).toBe(0xf2f0n);
    expect(loaded('hlv.w')).toBe(0xffff_ffff_8654_f2f0n);
    expect(loaded('hlv.wu')).toBe(0x8654_f2f0n);
    expect(loaded('hlvx.wu')).toBe(0x8654_f2f0n);
    expect(loaded('hlv.d')).toBe(0xfedc_ba98_8654_f2f0n);
    expect(bench.port.calls.map((call) => [call[3], call[4]])).toEqual([
      [1, { executable: false }],
      [1, { executable: false }],
      [2, { executable: false }],
      [2, { executable: false }],
      [2, { executable: true }],
      [4, { executable: false }],
      [4, { executable: false }],
      [4, { executable: true }],
      [8, { executable: false }],
    ]);
  });

  it('store the low bytes', () => {
    const bench = new Bench('HS');
    for (const operation of ['hsv.b', 'hsv.h', 'hsv.w', 'hsv.d'] as const) {
      expect(bench.execute(operation, { value: 0x1000n, value2: 0xfedc_ba98_8654_f2f0n })).toBe(0);
    }
    expect(bench.port.calls.map((call) => call.slice(2))).toEqual([
      [0x1000n, 1, 0xf0n],
      [0x1000n, 2, 0xf2f0n],
      [0x1000n, 4, 0x8654_f2f0n],
      [0x1000n, 8, 0xfedc_ba98_8654_f2f0n],
    ]);
  });

  it('act as VU or VS by SPVP, with SUM and MXR of the guest and MXR of HS', () => {
    const regime = (hstatus: bigint, mstatus: bigint, vsstatus: bigint): unknown => {
      const bench = new Bench('M');
      bench.set(0x600, hstatus);
      bench.set(0x300, mstatus);
      bench.write(0x200, vsstatus);
      bench.port.calls = [];
      bench.execute('hlv.d', { value: 0n });
      return bench.port.calls[0]![1];
    };
    expect(regime(0n, 0n, 0n)).toBe(4);
    expect(regime(bit(8), 0n, 0n)).toBe(4 | 1);
    expect(regime(bit(8), 0n, bit(18))).toBe(4 | 1 | 8);
    // SUM of HS doesn't count, and none for VU.
    expect(regime(bit(8), bit(18), 0n)).toBe(4 | 1);
    expect(regime(0n, 0n, bit(18))).toBe(4);
    expect(regime(0n, 0n, bit(19))).toBe(4 | 16);
    expect(regime(0n, bit(19), 0n)).toBe(4 | 32);
  });

  it('trap when the access does', () => {
    const bench = new Bench('HS');
    bench.port.memory = undefined;
    expect(bench.outcomeOf('hlv.w', { value: 0n })).toBe(21);
    expect(bench.outcomeOf('hsv.w', { value: 0n })).toBe(23);
    expect(bench.context.x(7)).toBe(0n);
  });
});
