// `microvisor asm`: a source through the assembler of the instruction table, to an ELF or to raw bytes.

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import { AssemblyError, assemble } from '../../../hw/isa/assemble.ts';
import { writeElf } from '../../image/elf-writer.ts';
import { maxSourceBytes } from '../../image/program-file.ts';
import { fileError, Refusal } from '../../refusal.ts';
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
  builder: (yargs) =>
    yargs
      .positional('source', { type: 'string', demandOption: true, describe: 'the source (GNU syntax)' })
      .option('output', {
        type: 'string',
        alias: 'o',
        requiresArg: true,
        describe: 'file to write; the source with .elf or .bin when absent',
      })
      .option('origin', {
        type: 'string',
        default: '0x80000000',
        requiresArg: true,
        describe: 'address of the first byte',
      })
      .option('raw', { type: 'boolean', default: false, describe: 'write the bytes alone' }),
  handler: async ({ source, output, origin, raw }) => {
    const text = readSource(source);
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
      throw new Refusal('refused', '');
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

function readSource(path: string): string {
  try {
    const facts = statSync(path);
    if (facts.isCharacterDevice() || facts.isBlockDevice())
      throw new Refusal('file', `cannot read ${path}: it is not a file`);
    if (facts.size > maxSourceBytes)
      throw new Refusal('refused', `${path} has ${facts.size} bytes`, `a source has at most ${maxSourceBytes}`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw error instanceof Refusal ? error : fileError(error, 'read', path);
  }
}

/** An address of the command line, decimal or hexadecimal. */
export function parseAddress(text: string, option: string): bigint {
  if (!/^(0x[0-9a-fA-F]{1,16}|\d{1,20})$/.test(text) || BigInt(text) >= 1n << 64n) {
    throw new Refusal('usage', `${option} ${text} is not an address`, 'write a number such as 0x80000000');
  }
  return BigInt(text);
}
