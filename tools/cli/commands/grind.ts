// `microvisor grind`: random system calls against the kernel, with its invariants checked.

import type { CommandModule } from 'yargs';
import { Refusal } from '../../refusal.ts';
import { type Profile, profiles } from '../../root-task/profile.ts';
import { noteRunFacts } from '../crash-report.ts';
import { wholeNumber } from '../whole-number.ts';

interface GrindArguments {
  calls: number;
  seed: number | undefined;
  profile: Profile;
  sweep: number;
  json: boolean;
}

export const grindCommand: CommandModule<object, GrindArguments> = {
  command: 'grind',
  describe: 'make random system calls until one breaks an invariant of the kernel',
  builder: (yargs) =>
    yargs
      .option('calls', wholeNumber('calls', 1, 1e12, { default: 1_000_000, describe: 'how many system calls' }))
      .option('seed', wholeNumber('seed', 0, Number.MAX_SAFE_INTEGER, { describe: 'where all choices come from' }))
      .option('profile', { choices: profiles, default: 'domains', describe: "the kernel's profile" })
      .option(
        'sweep',
        wholeNumber('sweep', 1, 1e6, { default: 64, describe: 'check all invariants after every so many entries' }),
      )
      .option('json', { type: 'boolean', default: false, describe: 'print the figures as JSON' })
      .example('$0 grind --calls 10000000', 'ten million calls')
      .example('$0 grind --seed 7 --sweep 1', 'check everything after every entry') as never,
  handler: async ({ calls, seed: given, profile, sweep, json }) => {
    const { grind } = await import('../../grind/grinder.ts');
    const { grindJson, grindText } = await import('../../grind/report.ts');
    const seed = given ?? Math.floor(Math.random() * 2 ** 31);
    noteRunFacts({ seed });
    if (!json) process.stdout.write(`profile ${profile}, seed ${seed}\n`);
    const started = performance.now();
    const report = grind({
      ...{ calls, seed, profile },
      sweepEvery: sweep,
      shrinkAttempts: 2000,
      onProgress: (done) => process.stderr.isTTY && process.stderr.write(`\r\u001b[K${done} calls`),
    });
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    const seconds = (performance.now() - started) / 1000;
    process.stdout.write(
      json ? `${JSON.stringify(grindJson(report, seed, profile, seconds), null, 2)}\n` : grindText(report, seconds),
    );
    if (report.failure !== null)
      throw new Refusal(
        'failed',
        'the kernel has a bug',
        `microvisor grind --seed ${seed} --profile ${profile} repeats it`,
      );
  },
};
