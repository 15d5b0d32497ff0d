import { describe, expect, it } from 'vitest';
import { resetContext } from '../../../hw/hart/reset.ts';
import { assemble } from '../../../hw/isa/assemble.ts';
import { Bench, ram } from './bench.ts';

/** What two harts share, in a model that knows nothing of machines. */
interface Model {
  memory: bigint;
  reserved: boolean[];
}

/** Operations on one doubleword: in assembly, and what they return in the model, if anything. */
const operations: Record<string, { assembly: string; perform(model: Model, hart: number): bigint | undefined }> = {
  lr: {
    assembly: 'lr.d a1, (s0)',
    perform: (model, hart) => {
      model.reserved[hart] = true;
      return model.memory;
    },
  },
  sc: {
    assembly: 'sc.d a1, s1, (s0)',
    perform: (model, hart) => {
      const holds = model.reserved[hart]!;
      model.reserved[hart] = false;
      if (holds) model.memory = operandOf(hart);
      return holds ? 0n : 1n;
    },
  },
  amoadd: {
    assembly: 'amoadd.d a1, s1, (s0)',
    perform: (model, hart) => {
      const old = model.memory;
      model.memory += operandOf(hart);
      return old;
    },
  },
  sd: {
    assembly: 'sd s1, (s0)',
    perform: (model, hart) => {
      model.memory = operandOf(hart);
      return undefined;
    },
  },
};
const operandOf = (hart: number): bigint => BigInt(100 + hart);
const names = Object.keys(operations);

/** Every list of `length` of the given values. */
function lists<T>(values: readonly T[], length: number): T[][] {
  return length === 0 ? [[]] : lists(values, length - 1).flatMap((list) => values.map((value) => [...list, value]));
}

const quantum = 16;
const word = ram + 0x2000n;

/** What each hart does in each quantum: one quantum for each turn. */
function turnsOf(order: readonly number[]): { hart: number; count: number }[] {
  const turns: { hart: number; count: number }[] = [];
  for (const hart of order) {
    const last = turns.at(-1);
    if (last?.hart === hart) last.count++;
    else turns.push({ hart, count: 1 });
  }
  return turns;
}

/** The operations of a hart, each in its turn, as the order says. */
function programOf(hart: number, operationsInOrder: readonly string[], order: readonly number[]): string {
  const mineInOrder = operationsInOrder.filter((_, i) => order[i] === hart);
  let next = 0;
  const lines = turnsOf(order).flatMap((turn) => {
    const mine = turn.hart === hart ? mineInOrder.slice(next, next + turn.count) : [];
    next += mine.length;
    return [...mine.map((name) => operations[name]!.assembly), ...new Array<string>(quantum - mine.length).fill('nop')];
  });
  return [...lines, 'j .'].join('\n');
}

describe('atomic operations of two harts', () => {
  it('LR/SC and AMO are right across harts under every interleaving of up to four operations on two harts', () => {
    const bench = new Bench('j .', { harts: 2, lookaheadNs: quantum });
    const { machine } = bench;
    const programs = new Map<string, Uint8Array>();
    const placed = (source: string): Uint8Array => {
      const bytes = programs.get(source) ?? assemble(source, { origin: ram }).bytes;
      programs.set(source, bytes);
      return bytes;
    };
    let checked = 0;
    for (const length of [1, 2, 3, 4]) {
      for (const order of lists([0, 1], length)) {
        const turns = turnsOf(order);
        for (const sequence of lists(names, length)) {
          const start = machine.cycles(machine.harts[1]!);
          expect(start % quantum).toBe(0);
          for (const hart of machine.harts) {
            const pc = ram + BigInt(0x1000 * hart.id);
            machine.writeMemory(Number(pc), placed(programOf(hart.id, sequence, order)));
            resetContext(hart.context, { pc, privilege: 3 });
            hart.context.setX(8, word);
            hart.context.setX(9, operandOf(hart.id));
          }
          bench.store(word, 7n);
          bench.run(start + (turns.length + 1) * quantum);

          const model: Model = { memory: 7n, reserved: [false, false] };
          const expected = [0n, 0n];
          let done = 0;
          for (const { hart, count } of turns) {
            // A reservation lasts as long as a hart's turn.
            model.reserved.fill(false);
            for (const name of sequence.slice(done, done + count)) {
              expected[hart] = operations[name]!.perform(model, hart) ?? expected[hart]!;
            }
            done += count;
          }
          const results = machine.harts.map(({ context }) => context.x(11));
          if (bench.memory(word) !== model.memory || results.some((result, hart) => result !== expected[hart])) {
            expect([sequence, order, bench.memory(word), results]).toEqual([sequence, order, model.memory, expected]);
          }
          checked++;
        }
      }
    }
    expect(checked).toBe(2 * 4 + 4 * 16 + 8 * 64 + 16 * 256);
  });

  it('add up when both harts count in loops of LR and SC', () => {
    const bench = new Bench(
      `
      la s0, shared
      li s1, 1000
    retry:
      lr.d t0, (s0)
      addi t0, t0, 1
      sc.d t1, t0, (s0)
      bnez t1, retry
      addi s1, s1, -1
      bnez s1, retry
      j .
      .balign 8
    shared: .dword 0
    `,
      { harts: 2, lookaheadNs: 23 },
    );
    bench.run(40_000);
    expect(bench.memory('shared')).toBe(2_000n);
  });
});

describe('a reservation', () => {
  const source = `
      la s0, word
      lr.d t0, (s0)
      .rept 100
      nop
      .endr
      sc.d a1, t0, (s0)
    stop:
      j stop
      .balign 64
    word:
      .dword 7, 8
  `;
  it.each([
    ['ends', 'the same word', 0n, 1n],
    ['holds', 'another', 8n, 0n],
  ])('%s when a device stores to %s', (_, __, offset, expected) => {
    const bench = new Bench(source);
    bench.run(50).store(bench.address('word') + offset, 9n);
    expect(bench.run(200).x('a1')).toBe(expected);
  });
});
