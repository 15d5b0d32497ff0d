// A random program on two machines: what is done to both from outside, and when they are compared.

import { arrivals } from '../../../hw/engine/layout.ts';
import { resetContext } from '../../../hw/hart/reset.ts';
import { Machine } from '../../../hw/machine/machine.ts';
import { Dice } from '../../../tools/dice.ts';
import type { Experiment, Side, Step, Twin } from '../../../tools/lockstep/lockstep.ts';
import { uart16550, uart16550State } from '../../../vdev/uart16550.ts';
import { virtMap } from '../../../vdev/virt-map.ts';
import { programStart, ram, ramSize } from './memory-map.ts';
import type { LoadedProgram, Program } from './program.ts';
import type { TranslatedWork } from './translated-work.ts';

const thresholds = [1, 1, 2, 2, 3, 3, 17, 100, 1000];
/** Cycles after which memory and translations are compared. */
const sweepCycles = 8000;
/** Saving takes long: one program in so many is saved and loaded on its way. */
const programsPerLoad = 4;

function createMachine({ seed, harts }: Program, side: Side): Machine {
  const dice = new Dice(seed, 3);
  const threshold = dice.of(thresholds);
  const patience = dice.of([0, 0, 100, 3000]);
  const entriesUntilLarge = dice.of([1, 10, 100, 10_000]);
  const observation = dice.of([1, 30, 100, 3000]);
  const maxModules = dice.of([2, 10, 100, 1000]);
  const machine = new Machine({
    harts,
    ramSize,
    lookaheadNs: dice.of([100, 1000, 20_000]),
    timebaseHz: dice.of([1e7, 1e8, 1e9]),
    // Both have the same: what is cached of translations, which shows until it is fenced, goes when room is made for others.
    limits: {
      banks: harts * dice.of([2, 3, 6, 32]),
      codeSlots: dice.of([6, 15, 40, 256]),
      regions: dice.of([4, 30, 1000]),
    },
    translator: side === 'translator' && { threshold, patience, observation, entriesUntilLarge, maxModules },
  });
  machine.attachAclint();
  machine.attach('uart', virtMap.uart.base, uart16550, uart16550State());
  return machine;
}

function start(machine: Machine, { code, words }: LoadedProgram): void {
  machine.writeMemory(Number(ram), code);
  const bytes = new Uint8Array(8);
  for (const [address, word] of words) {
    new DataView(bytes.buffer).setBigUint64(0, word, true);
    machine.writeMemory(Number(address), bytes);
  }
  for (const { context, id } of machine.harts) {
    resetContext(context, { pc: ram, privilege: 3 });
    context.setX(10, BigInt(id));
  }
}

/** What happens to the machines between two steps. */
function actOf(dice: Dice): Step['act'] {
  switch (dice.below(24)) {
    case 2:
    case 3:
    case 4:
    case 5:
      // What was translated and dropped is translated again as soon as the rest.
      return ({ machine }) =>
        machine.memory.fill(machine.memory.layout.arrivals, 0, arrivals.entries * arrivals.entrySize);
    case 0: {
      // The embedder writes into code.
      const at = Number(programStart) + dice.below(0x4000) * 2;
      const bytes = Uint8Array.from(
        dice.of([
          [0x01, 0x00],
          [0x13, 0x05, 0x15, 0x00],
          [0x05, 0x05],
          [0x02, 0x90],
        ]),
      );
      return ({ machine }) => void machine.writeMemory(at, bytes);
    }
    case 1: {
      const bytes = Uint8Array.from({ length: 1 + dice.below(5) }, () => dice.below(256));
      return ({ machine }) => machine.input('uart', 0, bytes);
    }
    default:
      return undefined;
  }
}

/** Everything that is not saved is gone: in the same machine, or in another one. */
function reload(dice: Dice, program: Program): Step['act'] {
  if (dice.once(2)) return ({ machine }) => machine.load(machine.save());
  return (twin, side) => {
    const next = createMachine(program, side);
    next.load(twin.machine.save());
    twin.machine = next;
  };
}

/** Runs the program for about so many cycles of each hart; `work` is told of what is translated on the way. */
export function experimentOf(
  program: Program,
  loaded: LoadedProgram,
  cycles: number,
  work?: TranslatedWork,
): Experiment {
  let translating: Twin;
  return {
    create: (side): Twin => {
      const machine = createMachine(program, side);
      start(machine, loaded);
      const twin = { machine };
      if (side === 'translator') translating = twin;
      return twin;
    },
    *steps(): Generator<Step> {
      const dice = new Dice(program.seed, 4);
      const stepBits = 7 + dice.below(9);
      const loadAt = dice.once(programsPerLoad) ? dice.below(cycles) : Infinity;
      const pausesUpTo = (from: number, until: number): number[] =>
        Array.from({ length: dice.below(4) }, () => from + 1 + dice.below(until - from)).sort((a, b) => a - b);
      let swept = 0;
      let from = 0;
      while (from < cycles) {
        const until = from + 1 + dice.below(2 ** (1 + dice.below(stepBits)));
        const act = from <= loadAt && loadAt < until ? reload(dice, program) : actOf(dice);
        const sweep = until - swept > sweepCycles;
        if (sweep) swept = until;
        yield {
          until,
          pauses: { interpreter: pausesUpTo(from, until), translator: pausesUpTo(from, until) },
          scope: sweep ? 'everything' : 'harts',
          ...(act && { act }),
        };
        work?.note(translating.machine);
        from = until;
      }
    },
  };
}
