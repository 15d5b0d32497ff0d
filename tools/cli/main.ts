#!/usr/bin/env node
// The entry of the `microvisor` command. The commands are listed in commands.ts.

import { setV8Flags } from '../host/v8-flags.ts';
import { fileError } from '../refusal.ts';
import { runCommandLine } from './command-line.ts';
import { commands } from './commands.ts';
import { exitCodes } from './exit-codes.ts';

setV8Flags();

// A reader that closes the pipe early (`| head`) is not worth a word, and a full disk not a stack.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.brokenPipe.code);
  process.stderr.write(`microvisor: ${fileError(error, 'write', 'standard output').message}\n`);
  process.exit(exitCodes.file.code);
});
// There is nowhere left to say it.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? exitCodes.brokenPipe.code : exitCodes.file.code);
});

process.exitCode = await runCommandLine(commands, process.argv.slice(2));
