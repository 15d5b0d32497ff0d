// Privileged instructions and traps in machine code against the same in TypeScript: random programs of little else, in every mode.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { control, context as fields } from '../../../hw/engine/layout.ts';
import { csrs, writeCsr } from '../../../hw/hart/csr-file.ts';
import { updateFpOff } from '../../../hw/hart/floating-point.ts';
import type { Hart } from '../../../hw/hart/hart.ts';
import { resetContext } from '../../../hw/hart/reset.ts';
import { csrNumbers } from '../../../hw/isa/csr-names.ts';
import { Bench, ram } from '../machine/bench.ts';
import { PageTables, pte } from './page-tables.ts';

const config = { harts: 2, lookaheadNs: 200, timebaseHz: 25e7 };
const codeWords = 256;
const sink = `${fields.sink.toString(16)}:`;
/** A table for S-mode, one for U-mode, one of a guest, and the guest's memory. */
const tableBases = [0x1_0000n, 0x1_1000n, 0x1_2000n, 0x1_4000n].map((offset) => ram + offset);

function layTables(bench: Bench): void {
  tableBases.forEach((base, index) => {
    const user = index === 1 || index === 3 ? pte.u : 0n;
    const tables = new PageTables(bench, base, 3, index === 3);
    tables.map(ram & ~0x3fff_ffffn, ram & ~0x3fff_ffffn, pte.v | pte.r | pte.w | pte.x | user, 2);
  });
}

/** satp, vsatp and hgatp of the tables, under a few identifiers, and none. */
const atps = [0n, ...tableBases.flatMap((base) => [0n, 7n].map((id) => (8n << 60n) | (id << 44n) | (base >> 12n)))];

// x1 to x9 hold addresses of code, x10 to x15 roots of tables, x16 to x25 anything; x26 to x31 are results.
const address = fc.integer({ min: 1, max: 9 });
const root = fc.integer({ min: 10, max: 15 });
const anything = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 5, arbitrary: fc.integer({ min: 16, max: 25 }) },
);
const result = fc.oneof(fc.constant(0), fc.integer({ min: 26, max: 31 }));

const numbers = [...csrs.keys()];
const named = (...names: string[]): number[] => names.map((name) => csrNumbers.get(name)!);
const statuses = named('mstatus', 'sstatus', 'vsstatus', 'hstatus');
const counters = named('cycle', 'time', 'instret', 'mcounteren', 'hcounteren', 'scounteren');
const pointers = named('mtvec', 'stvec', 'vstvec', 'mepc', 'sepc', 'vsepc');
const roots = named('satp', 'vsatp', 'hgatp');
const direct = numbers.filter((number) => csrs.get(number)!.direct !== undefined);
const closed = new Set(named('pmpcfg0', 'pmpaddr0', 'medeleg'));

const accessOf = (csr: fc.Arbitrary<number>, rs1: fc.Arbitrary<number>): fc.Arbitrary<number> =>
  fc
    .tuple(csr, rs1, result, fc.constantFrom(1, 2, 3, 5, 6, 7))
    .map(([number, source, rd, funct3]) => ((number << 20) | (source << 15) | (funct3 << 12) | (rd << 7) | 0x73) >>> 0);

const systemWord = { mret: 0x3020_0073, sret: 0x1020_0073, ecall: 0x73, ebreak: 0x10_0073, wfi: 0x1050_0073 };
const instruction = fc.oneof(
  { weight: 6, arbitrary: accessOf(fc.constantFrom(...statuses), anything) },
  { weight: 4, arbitrary: accessOf(fc.constantFrom(...pointers), address) },
  { weight: 2, arbitrary: accessOf(fc.constantFrom(...roots), root) },
  { weight: 3, arbitrary: accessOf(fc.constantFrom(...counters), anything) },
  { weight: 1, arbitrary: accessOf(fc.constantFrom(...named('mie', 'sie', 'hie', 'hvip', 'mip')), anything) },
  {
    weight: 6,
    arbitrary: accessOf(fc.constantFrom(...direct.filter((number) => !pointers.includes(number))), anything),
  },
  { weight: 3, arbitrary: accessOf(fc.constantFrom(...numbers.filter((number) => !closed.has(number))), anything) },
  { weight: 8, arbitrary: fc.constantFrom(systemWord.mret, systemWord.sret, systemWord.sret) },
  { weight: 3, arbitrary: fc.constantFrom(systemWord.ecall, systemWord.ebreak) },
  // sfence.vma; an illegal word; fmv.d.x f1, x16.
  { weight: 1, arbitrary: fc.constantFrom(0x1200_0073, 0xffff_ffff, 0xf208_00d3) },
  // ld and sd, at code and at addresses that mean nothing; amoadd.d.
  { weight: 2, arbitrary: fc.tuple(address, result).map(([base, rd]) => (base << 15) | 0x3003 | (rd << 7)) },
  { weight: 1, arbitrary: fc.constantFrom(0x0008_3003, 0x0108_3023, 0x0108_3d2f) },
  { weight: 1, arbitrary: fc.constant(systemWord.wfi) },
);

const value = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  fc.nat({ max: 63 }).map((bit) => 1n << BigInt(bit)),
  // Bits of status: enables, FS, SUM, MXR, MPRV, MPP, MPV.
  fc.nat({ max: 0xff_ffff }).map((bits) => BigInt(bits) | (BigInt(bits & 1) << 39n)),
);
const masks = named('medeleg', 'mideleg', 'hedeleg', 'hideleg', 'mie', 'mcounteren', 'hcounteren', 'scounteren');
const mask = fc.oneof({ weight: 3, arbitrary: fc.constant(0xffff_ffffn) }, { weight: 1, arbitrary: value });
const start = fc.record({
  mode: fc.constantFrom([3, 0], [1, 0], [0, 0], [1, 1], [1, 1], [0, 1]),
  words: fc.array(instruction, { minLength: codeWords, maxLength: codeWords }),
  places: fc.array(fc.nat({ max: codeWords - 1 }), { minLength: 9, maxLength: 9 }),
  values: fc.array(value, { minLength: 10, maxLength: 10 }),
  roots: fc.array(fc.constantFrom(...atps), { minLength: 6, maxLength: 6 }),
  setup: fc.array(fc.tuple(fc.constantFrom(...numbers.filter((number) => !closed.has(number))), value), {
    maxLength: 12,
  }),
  masks: fc.array(mask, { minLength: masks.length, maxLength: masks.length }),
  lines: fc.constantFrom(0, 0, 0, 0x8, 0x80, 0x200, 0x800),
});
type Start = typeof start extends fc.Arbitrary<infer T> ? T : never;

function prepare({ machine }: Bench, from: Start, hart: Hart): void {
  const { context } = hart;
  const [privilege, virtual] = from.mode as [number, number];
  resetContext(context, { pc: ram, privilege: 3, supervisor: 'HS' });
  for (const [index, place] of from.places.entries()) context.setX(1 + index, ram + BigInt(place * 4));
  for (const [index, atp] of from.roots.entries()) context.setX(10 + index, BigInt.asIntN(64, atp));
  for (const [index, number] of from.values.entries()) context.setX(16 + index, BigInt.asIntN(64, number));
  for (const [index, number] of masks.entries()) writeCsr(hart, number, from.masks[index]!);
  machine.setLines(hart, 0xa88, false);
  machine.setLines(hart, from.lines, true);
  for (const [number, bits] of from.setup) writeCsr(hart, number, bits);
  for (const [index, number] of pointers.entries()) writeCsr(hart, number, context.x(1 + index));
  for (const [index, number] of roots.entries()) writeCsr(hart, number, BigInt.asUintN(64, context.x(10 + index)));
  context.set('privilege', privilege);
  context.set('virtual', virtual);
  context.set('waiting', 0);
  updateFpOff(context);
  machine.engine.chooseBanks(hart);
}

/** Leaves everything to TypeScript: no CSR is known to machine code, traps are watched, and interrupts may be pending always. */
function inTypeScript({ machine }: Bench): void {
  for (const number of numbers) machine.engine.watchCsr(number);
  machine.onInstruction = {
    before: () => {
      machine.memory.u32[control.quiet >>> 2] = 0;
    },
    after: () => {},
  };
}

/** The 64-bit words from an offset in machine memory on that are not zero, with where they are. */
function wordsOf({ memory }: Bench['machine'], from: number, size: number): string[] {
  const words: string[] = [];
  for (let at = 0; at < size; at += 8) {
    const word = memory.u64[(from + at) >>> 3]!;
    if (word !== 0n) words.push(`${at.toString(16)}: ${word.toString(16)}`);
  }
  return words;
}

function stateOf({ machine }: Bench): unknown {
  const { u8, layout } = machine.memory;
  return {
    hash: machine.hash.value,
    now: machine.now,
    harts: machine.harts.map((hart) => ({
      retired: machine.instructionsOf(hart),
      cycles: machine.cycles(hart),
      // What lands in the sink is void.
      context: wordsOf(machine, hart.context.base, fields.size).filter((word) => !word.startsWith(sink)),
    })),
    // Which banks there are, and who used them last.
    spaces: wordsOf(machine, layout.spaces, layout.banks - layout.spaces),
    ram: Buffer.from(u8.slice(layout.ram, layout.ram + 0x2_0000)).toString('base64'),
  };
}

describe('privileged instructions in machine code', () => {
  it('do what they do in TypeScript, to the cycle: 1,500 programs on two harts', () => {
    const direct = new Bench('j .', config);
    const reference = new Bench('j .', config);
    inTypeScript(reference);
    let delivered = 0;
    const run = direct.machine.engine.run.bind(direct.machine.engine);
    direct.machine.engine.run = (hart, budget) => {
      const left = run(hart, budget);
      delivered += direct.machine.engine.trapsDelivered;
      return left;
    };
    fc.assert(
      fc.property(start, (from) => {
        for (const bench of [direct, reference]) {
          const { machine } = bench;
          machine.writeMemory(Number(ram), new Uint8Array(Uint32Array.from(from.words).buffer));
          layTables(bench);
          machine.engine.flushTranslations();
          for (const hart of machine.harts) prepare(bench, from, hart);
          machine.run(machine.now + 400);
        }
        expect(stateOf(direct)).toEqual(stateOf(reference));
      }),
      { numRuns: 1_500 },
    );
    expect(delivered).toBeGreaterThan(20_000);
  });
});
