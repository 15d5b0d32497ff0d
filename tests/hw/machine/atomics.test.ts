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
const pairs = Object.keys(operations).flatMap((a) => Object.keys(operations).map((b) => [a, b] as const));

/** Which hart performs the next operation: every order of two times two. */
const orders = [
  [0, 0, 1, 1],
  [0, 1, 0, 1],
  [0, 1, 1, 0],
  [1, 0, 0, 1],
  [1, 0, 1, 0],
  [1, 1, 0, 0],
];

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

function programOf(hart: number, names: readonly string[], order: readonly number[]): string {
  let next = 0;
  const lines = turnsOf(order).flatMap((turn) => {
    const mine = turn.hart === hart ? names.slice(next, next + turn.count) : [];
    next += mine.length;
    return [...mine.map((name) => operations[name]!.assembly), ...new Array<string>(quantum - mine.length).fill('nop')];
  });
  return [...lines, 'j .'].join('\n');
}

describe('atomic operations of two harts', () => {
  it('return and leave what their order says: 256 pairs of operations in all six orders', () => {
    const bench = new Bench('j .', { harts: 2, lookaheadNs: quantum });
    const { machine } = bench;
    const programs = new Map<string, Uint8Array>();
    const placed = (source: string): Uint8Array => {
      const bytes = programs.get(source) ?? assemble(source, { origin: ram }).bytes;
      programs.set(source, bytes);
      return bytes;
    };
    for (const order of orders) {
      for (const [index, pair] of pairs.flatMap((first) => pairs.map((second) => [first, second])).entries()) {
        const start = machine.cycles(machine.harts[1]!);
        expect(start % quantum).toBe(0);
        for (const hart of machine.harts) {
          const pc = ram + BigInt(0x1000 * hart.id);
          machine.writeMemory(Number(pc), placed(programOf(hart.id, pair[hart.id]!, order)));
          resetContext(hart.context, { pc, privilege: 3 });
          hart.context.setX(8, word);
          hart.context.setX(9, operandOf(hart.id));
        }
        bench.store(word, 7n);
        bench.run(start + 5 * quantum);

        const model: Model = { memory: 7n, reserved: [false, false] };
        const expected = [0n, 0n];
        const done = [0, 0];
        for (const { hart, count } of turnsOf(order)) {
          // A reservation lasts as long as a hart's turn.
          model.reserved.fill(false);
          for (let step = 0; step < count; step++) {
            const name = pair[hart]![done[hart]!++]!;
            expected[hart] = operations[name]!.perform(model, hart) ?? expected[hart]!;
          }
        }
        const results = machine.harts.map(({ context }) => context.x(11));
        expect([index, order, bench.memory(word), results]).toEqual([index, order, model.memory, expected]);
      }
    }
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
