// The instruction reference, docs/instructions.md, generated from the table.

import { aliases } from './aliases.ts';
import { pseudos } from './assembler/pseudo.ts';
import { tokensOf } from './encoding.ts';
import type { CompressedInstruction, Extension, Instruction } from './instruction.ts';
import { compressed, instructions } from './table.ts';

const titles: Record<Extension, string> = {
  I: 'RV64I: base integer instructions',
  Zifencei: 'Zifencei: instruction-fetch fence',
  Zicsr: 'Zicsr: control and status registers',
  M: 'M: multiplication and division',
  A: 'A: atomics',
  F: 'F: single-precision floating point',
  D: 'D: double-precision floating point',
  C: 'C: compressed instructions',
  Zba: 'Zba: address generation',
  Zbb: 'Zbb: basic bit manipulation',
  Zbs: 'Zbs: single-bit instructions',
  privileged: 'Privileged instructions',
  Svinval: 'Svinval: fine-grained address-translation invalidation',
  H: 'H: hypervisor',
};

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** A table of two rows: which bits, and what they hold. */
function diagram(encoding: string): string[] {
  const tokens = tokensOf(encoding);
  let top = tokens.reduce((sum, token) => sum + token.width, 0);
  const bits = tokens.map(({ width }) => {
    top -= width;
    return width === 1 ? `${top}` : `${top + width - 1}–${top}`;
  });
  const row = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  return [row(bits), row(bits.map(() => ':-:')), row(tokens.map(({ text }) => `\`${cell(text)}\``))];
}

function entry(instruction: Instruction | CompressedInstruction): string[] {
  const usage = `${instruction.name} ${instruction.syntax}`.trim();
  const expansion = 'expansion' in instruction ? ` Expands to \`${instruction.expansion}\`.` : '';
  return [
    `### ${instruction.name}`,
    '',
    `\`${usage}\``,
    '',
    `${instruction.brief}${expansion}`,
    '',
    ...diagram(instruction.encoding),
    '',
  ];
}

/** The text of docs/instructions.md. */
export function instructionReference(): string {
  const all: readonly (Instruction | CompressedInstruction)[] = [...instructions, ...compressed];
  const extensions = [...new Set(all.map((instruction) => instruction.extension))];
  return [
    '# Instructions',
    '',
    'Every instruction of the machine, generated from the table in `hw/isa/`: assembler syntax, meaning, encoding.',
    '',
    'In the syntax, `rd`, `rs1`, `rs2` are x registers and `fd`, `fs1`, `fs2`, `fs3` f registers in the same fields;',
    '`name=default` may be left out. In encodings, `imm[12|10:5]` stands for those bits of a sign-extended immediate,',
    '`uimm` for a zero-extended one, `nz` for one that is not zero, an apostrophe for a three-bit field that names x8 to',
    'x15, `!=` for values that belong to another instruction or none, and `-` for bits that are ignored.',
    '',
    ...extensions.flatMap((extension) => [
      `## ${titles[extension]}`,
      '',
      ...all.filter((instruction) => instruction.extension === extension).flatMap(entry),
    ]),
    '## Pseudo-instructions',
    '',
    '| Written | Means |',
    '|---|---|',
    ...aliases.map(({ name, syntax, expansion }) => `| \`${`${name} ${syntax}`.trim()}\` | \`${expansion}\` |`),
    ...[...pseudos].map(([name, { usage, means }]) => `| \`${`${name} ${usage}`.trim()}\` | ${means} |`),
    '',
  ].join('\n');
}
