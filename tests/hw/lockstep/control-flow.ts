// Blocks of control flow: loops, conditions, calls, tables of jumps, graphs that have no single entry.

import { type Author, type Block, sizeOf } from './block.ts';
import { condition, type Flavour, straight } from './instructions.ts';

/** Loop counters by depth; nothing else writes them. */
const counters = ['s0', 's9', 's7'] as const;
/** What a conditional branch reaches, with a margin. */
const near = 3000;

const flavours: readonly Flavour[] = ['integer', 'integer', 'float', 'memory', 'atomic', 'mixed', 'mixed'];

export const plain = (author: Author, count = 3 + author.dice.below(20)): Block =>
  author.guarded('straight', straight(author.dice, count, author.dice.of(flavours)));

/** `branch` is a branch without its target; the target may be far. */
export function branchTo(author: Author, branch: string, target: string, between: number): string[] {
  if (between < near) return [`${branch}, ${target}`];
  const [taken, skip] = [author.label(), author.label()];
  return [`${branch}, ${taken}`, `j ${skip}`, `${taken}:`, `j ${target}`, `${skip}:`];
}

const sizeOfAll = (parts: readonly (string | Block)[]): number => parts.reduce((sum, part) => sum + sizeOf(part), 0);

/** Counts down; sometimes it is left or begun again in its middle. */
export function loop(author: Author, depth: number, times: number, body: readonly Block[]): Block {
  const { dice } = author;
  const counter = counters[depth]!;
  const [head, next, out] = [author.label(), author.label(), author.label()];
  const size = sizeOfAll(body) + 64;
  const middle = dice.below(body.length + 1);
  const early = dice.once(3) ? branchTo(author, condition(dice), dice.of([next, out]), size) : [];
  const back = dice.once(2) ? `bgtz ${counter}` : `blt zero, ${counter}`;
  return {
    kind: `loop of ${times}`,
    body: [
      `li ${counter}, ${times}`,
      `${head}:`,
      ...body.slice(0, middle),
      ...early,
      ...body.slice(middle),
      `${next}:`,
      `addi ${counter}, ${counter}, -1`,
      ...branchTo(author, back, head, size),
      `${out}:`,
    ],
  };
}

/** A loop so short and so often run that every threshold is passed. */
export function hotLoop(author: Author): Block {
  const { dice } = author;
  return loop(author, 2, 1200 + dice.below(1500), [
    { kind: 'body', body: straight(dice, 1 + dice.below(6), dice.of(['integer', 'integer', 'float'])) },
  ]);
}

export function either(author: Author, one: readonly Block[], other: readonly Block[]): Block {
  const [elsewhere, end] = [author.label(), author.label()];
  return {
    kind: 'either',
    body: [
      ...branchTo(author, condition(author.dice), elsewhere, sizeOfAll(one) + 64),
      ...one,
      `j ${end}`,
      `${elsewhere}:`,
      ...other,
      `${end}:`,
    ],
  };
}

/** Arithmetic on numbers from memory, with a rounding mode and flags that were set before. */
export function floatLoop(author: Author): Block {
  const { dice } = author;
  const load = (register: number): string =>
    `${dice.of(['fld', 'fld', 'flw'])} f${register}, ${8 * dice.below(128)}(t0)`;
  const body = author.guarded('arithmetic', [
    `andi t0, s7, ${dice.of([63, 255])}`,
    'slli t0, t0, 3',
    'add t0, t0, s10',
    ...Array.from({ length: 1 + dice.below(4) }, () => load(dice.below(32))),
    // Operations that are to find no flag set.
    ...(dice.once(2) ? [`fsflagsi ${dice.of([0, 0, 16])}`] : []),
    ...straight(dice, 3 + dice.below(10), 'float'),
    ...(dice.once(3) ? ['csrr t1, fflags', 'add a0, a0, t1'] : []),
    ...(dice.once(3) ? [`fsd f${dice.below(32)}, ${8 * dice.below(128)}(t0)`] : []),
  ]);
  return {
    kind: 'arithmetic',
    body: [
      author.guarded('rounding', [
        `fsrmi ${dice.once(8) ? 5 + dice.below(3) : dice.below(5)}`,
        `fsflagsi ${dice.of([0, 1, 16, 31])}`,
      ]),
      loop(author, 2, 50 + dice.below(400), [body]),
    ],
  };
}

/** Two loops into each other's middle. */
export function irreducible(author: Author): Block {
  const { dice } = author;
  const [first, second, out] = [author.label(), author.label(), author.label()];
  const piece = (): string[] => straight(dice, 1 + dice.below(5), 'integer');
  return {
    kind: 'irreducible',
    body: [
      `li s7, ${2 + dice.below(300)}`,
      `${condition(dice)}, ${second}`,
      `${first}:`,
      ...piece(),
      'addi s7, s7, -1',
      `blez s7, ${out}`,
      `${condition(dice)}, ${first}`,
      `${second}:`,
      ...piece(),
      'addi s7, s7, -1',
      `blez s7, ${out}`,
      `${condition(dice)}, ${second}`,
      `j ${first}`,
      `${out}:`,
    ],
  };
}

/** Jumps to one of several places, by a table of addresses or into a row of equal pieces. */
export function indirect(author: Author): Block {
  const { dice } = author;
  const targets = Array.from({ length: dice.of([2, 4, 8, 16]) }, () => author.label());
  const [table, end, again] = [author.label(), author.label(), author.label()];
  const index = [`andi t0, ${dice.of(['s7', 's7', 'a0', 'a3', 't1'])}, ${targets.length - 1}`];
  // Addresses are relative: the code may run anywhere.
  const jump = dice.once(2)
    ? [
        'slli t0, t0, 2',
        `la t2, ${table}`,
        'add t0, t0, t2',
        'lw t0, 0(t0)',
        'add t0, t0, t2',
        dice.of(['jr t0', 'c.jr t0', 'jr 1(t0)']),
      ]
    : [
        'slli t0, t0, 4',
        `la t2, ${targets[0]}`,
        'add t0, t0, t2',
        dice.of(['jr t0', 'jalr x0, 0(t0)', 'jalr t1, 0(t0)']),
      ];
  const piece = (target: string): string[] => [
    `.balign 16`,
    `${target}:`,
    ...straight(dice, 1, 'integer').slice(0, 2),
    `j ${end}`,
  ];
  return author.guarded('indirect', [
    `li s7, ${20 + dice.below(200)}`,
    `${again}:`,
    ...index,
    ...jump,
    '.balign 8',
    `${table}:`,
    ...targets.map((target) => `.word ${target} - ${table}`),
    ...targets.flatMap(piece),
    `${end}:`,
    'addi s7, s7, -1',
    `bgtz s7, ${again}`,
  ]);
}

/** A function, and what calls it. `ra` is kept on the stack by those that call others. */
export interface Routine {
  name: string;
  code: Block;
}

export function leaf(author: Author): Routine {
  const { dice } = author;
  const name = author.label();
  const early = author.label();
  const body = straight(dice, 1 + dice.below(8), dice.of(['integer', 'mixed']));
  return {
    name,
    code: {
      kind: 'leaf',
      body: [
        `${name}:`,
        ...straight(dice, 2, 'integer'),
        ...(dice.once(2) ? [`${condition(dice)}, ${early}`] : []),
        author.guarded('work', body),
        `${early}:`,
        dice.of(['ret', 'c.jr ra', 'jalr x0, 0(ra)']),
      ],
    },
  };
}

export function recursion(author: Author): Routine {
  const { dice } = author;
  const [name, done] = [author.label(), author.label()];
  return {
    name,
    code: {
      kind: 'recursion',
      body: [
        `${name}:`,
        'addi sp, sp, -16',
        author.guarded('save', ['sd ra, 0(sp)', 'sd s11, 8(sp)']),
        'addi s11, s11, -1',
        `blez s11, ${done}`,
        ...straight(dice, 1 + dice.below(4), 'integer'),
        `call ${name}`,
        ...(dice.once(3) ? ['mv s11, zero', `call ${name}`] : []),
        `${done}:`,
        author.guarded('restore', ['ld ra, 0(sp)']),
        'addi sp, sp, 16',
        'ret',
      ],
    },
  };
}

export function call(author: Author, { name, code }: Routine): Block {
  const { dice } = author;
  const way = dice.of([
    [`call ${name}`],
    [`jal ra, ${name}`],
    [`la t0, ${name}`, 'jalr ra, 0(t0)'],
    [`la t0, ${name}`, 'c.jalr t0'],
    // Through another link register; the routine returns by ra.
    [`la t0, ${name}`, 'addi t0, t0, 2', 'jalr ra, -2(t0)'],
  ]);
  const depth = code.kind === 'recursion' ? [`li s11, ${1 + dice.below(12)}`] : [];
  return author.guarded('call', [...depth, ...way]);
}

/** Something to jump over: the next instructions lie elsewhere in the page, or in another one. */
export function gap(author: Author): Block {
  const { dice } = author;
  const over = author.label();
  const filling = dice.once(3)
    ? [`.balign 4096`, `.zero ${4096 - 2 * (1 + dice.below(6))}`]
    : [`.zero ${dice.below(1000) * 2}`];
  // What the filling is entered by is no instruction; a run of them across the page's end is.
  return { kind: 'gap', body: [`j ${over}`, ...filling, `${over}:`, ...straight(dice, 12, 'integer')] };
}
