// `microvisor asm`: a source through the assembler of the instruction table, to an ELF or to raw bytes.

import { readFileSync, writeFileSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import { CommandError, fileError } from '../command-error.ts';
import { wrap } from '../output.ts';

export interface AsmArguments {
  source: string;
  output: string | undefined;
  origin: string;
  raw: boolean;
}

export const asmCommand: CommandModule<object, AsmArguments> = {
  command: 'asm <source>',
  describe: 'assemble RV64 source to an ELF',
  builder: {
    source: { type: 'string', describe: 'the source (GNU syntax)', demandOption: true },
    output: {
      type: 'string',
      alias: 'o',
      requiresArg: true,
      describe: 'file to write; the source with .elf or .bin when absent',
    },
    origin: { type: 'string', default: '0x80000000', requiresArg: true, describe: 'address of the first byte' },
    raw: { type: 'boolean', default: false, describe: 'write the bytes alone' },
  },
  handler: async ({ source, output, origin, raw }) => {
    const { assemble, AssemblyError } = await import('../../../hw/isa/assemble.ts');
    const { writeElf } = await import('../../image/elf-writer.ts');
    let text: string;
    try {
      text = readFileSync(source, 'utf8');
    } catch (error) {
      throw fileError(error, 'read', source);
    }
    let assembly: ReturnType<typeof assemble>;
    try {
      assembly = assemble(text, { origin: parseAddress(origin, '--origin'), file: source });
    } catch (error) {
      if (!(error instanceof AssemblyError)) throw error;
      const mistakes = error.issues.map(({ line, column, message, hint }) =>
        [
          `${source}:${line}:${column}: error: ${message}`,
          ...(hint === undefined ? [] : [wrap(`  hint: ${hint}`, 100, '    ')]),
        ].join('\n'),
      );
      process.stderr.write(`${mistakes.join('\n')}\n`);
      throw new CommandError('refused', '');
    }
    const { bytes, symbols } = assembly;
    const entry = symbols.get('_start') ?? assembly.origin;
    const target = output ?? source.replace(/(\.[sS])?$/, raw ? '.bin' : '.elf');
    try {
      writeFileSync(
        target,
        raw ? bytes : writeElf({ segments: [{ address: assembly.origin, bytes }], entry, symbols }),
      );
    } catch (error) {
      throw fileError(error, 'write', target);
    }
    process.stdout.write(`${target}: ${bytes.length} bytes at 0x${assembly.origin.toString(16)}\n`);
  },
};

/** An address of the command line, decimal or hexadecimal. */
export function parseAddress(text: string, option: string): bigint {
  if (!/^(0x[0-9a-fA-F]{1,16}|\d{1,20})$/.test(text) || BigInt(text) >= 1n << 64n) {
    throw new CommandError('usage', `${option} ${text} is not an address`, 'write a number such as 0x80000000');
  }
  return BigInt(text);
}
