// A random program as a tree of blocks, so that a failing one can be made smaller by leaving blocks out.

import type { Dice } from '../../../tools/dice.ts';

export interface Block {
  /** What it is about, for whoever reads the program. */
  kind: string;
  body: readonly (string | Block)[];
}

/** Makes blocks: the choices, and labels that are not used twice. */
export class Author {
  private labels = 0;

  constructor(readonly dice: Dice) {}

  label(): string {
    return `l${this.labels++}`;
  }

  /** Lines that may trap: the handlers go on after the last of them. */
  guarded(kind: string, lines: readonly (string | Block)[]): Block {
    const after = this.label();
    return { kind, body: [`la s8, ${after}`, ...lines, `${after}:`] };
  }
}

export function render(blocks: readonly Block[]): string[] {
  return blocks.flatMap(({ kind, body }) => [
    `# ${kind}`,
    ...body.flatMap((part) => (typeof part === 'string' ? [part] : render([part]))),
  ]);
}

/** Instructions and data in bytes, or a little more. */
export function sizeOf(part: string | Block): number {
  if (typeof part !== 'string') return part.body.reduce((sum, one) => sum + sizeOf(one), 0);
  const filling = /^\.(?:zero|balign) (\d+)/.exec(part);
  return filling
    ? Number(filling[1])
    : part.endsWith(':') || part.startsWith('#')
      ? 0
      : part.startsWith('li ')
        ? 16
        : 8;
}

/** Every tree with one block less, larger blocks first. */
export function* without(blocks: readonly Block[]): Generator<readonly Block[]> {
  for (const index of blocks.keys()) yield blocks.toSpliced(index, 1);
  for (const [index, block] of blocks.entries()) {
    for (const body of smaller(block.body)) yield blocks.with(index, { ...block, body });
  }
}

function* smaller(body: Block['body']): Generator<Block['body']> {
  for (const [index, part] of body.entries()) if (typeof part !== 'string') yield body.toSpliced(index, 1);
  for (const [index, part] of body.entries()) {
    if (typeof part === 'string') continue;
    for (const inner of smaller(part.body)) yield body.with(index, { ...part, body: inner });
  }
}
