// `microvisor diff`: the first difference between two traces.

import type { CommandModule } from 'yargs';
import { fileError, Refusal } from '../../refusal.ts';
import { compareTraces, describeDifference, NotATraceError } from '../../trace/trace-diff.ts';

interface DiffArguments {
  left: string;
  right: string;
}

export const diffCommand: CommandModule<object, DiffArguments> = {
  command: 'diff <left> <right>',
  describe: 'show the first difference between two traces',
  builder: (yargs) =>
    yargs
      .positional('left', { type: 'string', demandOption: true, describe: 'a trace that --trace wrote' })
      .positional('right', { type: 'string', demandOption: true, describe: 'another one' }),
  handler: async ({ left, right }) => {
    const difference = await compareTraces(left, right).catch((error: NodeJS.ErrnoException) => {
      if (error instanceof NotATraceError)
        throw new Refusal('refused', error.message, 'a trace is what `microvisor bare --trace FILE` writes');
      throw fileError(error, 'read', error.path ?? left);
    });
    if (!difference) {
      process.stdout.write('the traces are the same\n');
      return;
    }
    process.stdout.write(`${describeDifference(difference)}\n`);
    throw new Refusal('failed', '');
  },
};
