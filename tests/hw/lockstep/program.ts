// A random program: blocks of all kinds around hot loops, and the machine that it runs on.

import { assemble } from '../../../hw/isa/assemble.ts';
import { Dice } from '../../../tools/dice.ts';
import { Author, type Block, render } from './block.ts';
import {
  call,
  either,
  floatLoop,
  gap,
  hotLoop,
  indirect,
  irreducible,
  leaf,
  loop,
  plain,
  type Routine,
  recursion,
} from './control-flow.ts';
import { type FrameOptions, frame, type MachineMode, machineModes } from './frame.ts';
import { ram } from './memory-map.ts';
import {
  anyService,
  csr,
  device,
  elsewhereInMemory,
  mode,
  movingCode,
  ownRemap,
  remap,
  selfModifying,
  trap,
} from './system-blocks.ts';
import { Tables } from './tables.ts';

export interface Program {
  seed: number;
  blocks: readonly Block[];
  harts: number;
  rows: readonly MachineMode[];
}

export interface LoadedProgram {
  source: string;
  code: Uint8Array;
  /** Words beyond the code: page tables. */
  words: ReadonlyMap<bigint, bigint>;
}

/** What may stand anywhere, also in a loop. */
function inner(author: Author, routines: readonly Routine[], rows: number): Block {
  const { dice } = author;
  switch (dice.below(16)) {
    case 0:
      return trap(author);
    case 1:
      return csr(author);
    case 2:
      return device(author);
    case 3:
      return anyService(author);
    case 4:
    case 5:
      return call(author, dice.of(routines));
    case 6:
      return either(author, [plain(author, 4)], dice.once(2) ? [plain(author, 4)] : [trap(author)]);
    case 7:
      return remap(author, plain(author, 8));
    case 8:
      return dice.of([mode, elsewhereInMemory, gap, gap])(author, rows);
    default:
      return plain(author);
  }
}

function outer(author: Author, routines: readonly Routine[], rows: number): Block {
  const { dice } = author;
  const some = (count: number): Block[] =>
    Array.from({ length: 1 + dice.below(count) }, () => inner(author, routines, rows));
  switch (dice.below(18)) {
    case 16:
    case 17:
      return floatLoop(author);
    case 0:
      return hotLoop(author);
    case 1:
      return irreducible(author);
    case 2:
      return indirect(author);
    case 3:
    case 4:
      return selfModifying(author);
    case 5:
      return gap(author);
    case 6:
      return ownRemap(author);
    case 7:
      return mode(author, rows);
    case 8:
      return loop(author, 0, 2 + dice.below(30), [
        ...some(2),
        loop(author, 1, 2 + dice.below(40), some(3)),
        ...some(2),
      ]);
    case 9:
      return loop(author, 0, 2 + dice.below(100), [either(author, some(2), some(2)), ...some(1)]);
    case 10:
    case 11:
      return movingCode(author);
    default:
      return loop(author, dice.below(3), 5 + dice.below(120), some(4));
  }
}

/** Chooses a program; everything follows from the seed. */
export function chooseProgram(seed: number): Program {
  const dice = new Dice(seed, 1);
  const author = new Author(dice);
  const all = dice.of<readonly MachineMode[]>([
    ['M'],
    ['S', 'U'],
    ['VS', 'VU'],
    machineModes,
    ['M', 'S'],
    ['S'],
    ['VS', 'S'],
  ]);
  const rows = Array.from({ length: 8 }, () => dice.of(all));
  const routines = [leaf(author), leaf(author), leaf(author), recursion(author)];
  const blocks = Array.from({ length: 6 + dice.below(12) }, () => outer(author, routines, rows.length));
  const after = author.label();
  const library: Block = { kind: 'routines', body: [`j ${after}`, ...routines.map(({ code }) => code), `${after}:`] };
  blocks.splice(dice.below(blocks.length), 0, library);
  return { seed, blocks, rows, harts: dice.of([1, 1, 1, 2, 3]) };
}

/** Throws an AssemblyError if a block is missing that others jump into. */
export function assembleProgram({ seed, blocks, rows }: Program): LoadedProgram {
  const dice = new Dice(seed, 2);
  const tables = new Tables(dice);
  const options: FrameOptions = {
    timerBits: 7 + dice.below(6),
    fuel: dice.of([50, 500, 5000]),
    passes: 1 + dice.below(4),
    rows,
  };
  const source = frame(dice, tables, options, render(blocks));
  return { source, code: assemble(source, { origin: ram }).bytes, words: tables.image.words };
}
