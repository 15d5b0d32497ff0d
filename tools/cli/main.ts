#!/usr/bin/env node
// The entry of the `microvisor` command. The commands are listed in commands.ts.

import { runCommandLine } from './command-line.ts';
import { commands } from './commands.ts';
import { exitCodes } from './exit-codes.ts';

// A reader that closes the pipe early (`| head`) is not an error worth a stack.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.brokenPipe.code);
    throw error;
  });
}

process.exitCode = await runCommandLine(commands, process.argv.slice(2));
