// `microvisor disasm`: what an ELF, or raw bytes, say as instructions.

import { readFileSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import { disassemble } from '../../../hw/isa/disassemble.ts';
import { readElf } from '../../image/elf.ts';
import { fileError, Refusal } from '../../refusal.ts';
import { parseAddress } from './asm.ts';

export interface DisasmArguments {
  image: string;
  origin: string;
  raw: boolean;
  aliases: boolean;
}

interface Piece {
  address: bigint;
  bytes: Uint8Array;
}

export const disasmCommand: CommandModule<object, DisasmArguments> = {
  command: 'disasm <image>',
  describe: 'disassemble the code of an ELF, or raw bytes',
  builder: (yargs) =>
    yargs
      .positional('image', { type: 'string', demandOption: true, describe: 'an ELF, or with --raw any file' })
      .option('raw', { type: 'boolean', default: false, describe: 'take the whole file as instructions' })
      .option('origin', {
        type: 'string',
        default: '0',
        requiresArg: true,
        describe: 'with --raw, address of the first byte',
      })
      .option('aliases', { type: 'boolean', default: true, describe: 'print pseudo-instructions' }),
  handler: async ({ image, raw, origin, aliases }) => {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(image);
    } catch (error) {
      throw fileError(error, 'read', image);
    }
    const labels = new Map<bigint, string>();
    let pieces: Piece[] = [{ address: parseAddress(origin, '--origin'), bytes }];
    if (!raw) {
      const elf = readElf(bytes);
      if (!elf.ok) {
        const { place, message, remedy } = elf.error;
        throw new Refusal(
          'refused',
          `${image}: ${place}: ${message}`,
          `${remedy}; --raw takes any file as instructions`,
        );
      }
      pieces = elf.value.segments
        .filter((segment) => segment.executable)
        .map((segment) => ({ address: segment.virtualAddress, bytes: segment.bytes }));
      for (const symbol of elf.value.symbols) if (!labels.has(symbol.address)) labels.set(symbol.address, symbol.name);
    }
    for (const piece of pieces)
      process.stdout.write(listing(piece, labels, (word, pc) => disassemble(word, pc, { aliases })));
  },
};

/** One line for each instruction: address, bytes, text. */
function listing(
  { address, bytes }: Piece,
  labels: ReadonlyMap<bigint, string>,
  text: (word: number, pc: bigint) => string,
): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lines: string[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const pc = address + BigInt(at);
    const half = view.getUint16(at, true);
    const long = (half & 3) === 3 && at + 4 <= bytes.length;
    const word = long ? view.getUint32(at, true) : half;
    const label = labels.get(pc);
    if (label !== undefined) lines.push(`${label}:`);
    lines.push(
      `${pc.toString(16).padStart(12)}:  ${word
        .toString(16)
        .padStart(long ? 8 : 4, '0')
        .padEnd(8)}  ${text(word, pc)}`,
    );
    at += long ? 4 : 2;
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
