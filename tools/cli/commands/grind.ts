// `microvisor grind`: random system calls against the kernel, with its invariants checked.

import { setImmediate } from 'node:timers/promises';
import type { CommandModule } from 'yargs';
import type { GrindReport } from '../../grind/grinder.ts';
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
  handler: grindCalls,
};

/** Milliseconds between two lines of progress: rewritten at a terminal, in a log one below the other. */
const progressEvery = { terminal: 200, log: 10_000 };

async function grindCalls({ calls, seed: given, profile, sweep, json }: GrindArguments): Promise<void> {
  const { grindRounds } = await import('../../grind/grinder.ts');
  const { grindJson, grindText } = await import('../../grind/report.ts');
  const seed = given ?? Math.floor(Math.random() * 2 ** 31);
  noteRunFacts({ seed });
  let interrupted = false;
  const onInterrupt = (): void => {
    interrupted = true;
  };
  process.on('SIGINT', onInterrupt);
  if (!json) process.stdout.write(`profile ${profile}, seed ${seed}\n`);
  const started = performance.now();
  const showProgress = progress(calls, started, json);
  let report: GrindReport | undefined;
  for (const soFar of grindRounds({ calls, seed, profile, sweepEvery: sweep, shrinkAttempts: 2000 })) {
    report = soFar;
    showProgress(report.calls);
    // The search for the shortest sequence does not pause: there an interrupt ends the process.
    if (report.failure !== null) process.removeListener('SIGINT', onInterrupt);
    // A signal is noticed between two turns of the event loop.
    await setImmediate();
    if (interrupted) break;
  }
  process.removeListener('SIGINT', onInterrupt);
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  if (report === undefined) throw new Error('a run has at least one round');
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(
    json ? `${JSON.stringify(grindJson(report, seed, profile, seconds), null, 2)}\n` : grindText(report, seconds),
  );
  const again = `microvisor grind --seed ${seed} --profile ${profile}`;
  if (report.failure !== null) throw new Refusal('failed', 'the kernel has a bug', `${again} repeats it`);
  if (interrupted && report.calls < calls) {
    throw new Refusal('interrupted', `interrupted after ${report.calls} of ${calls} calls`, `${again} repeats them`);
  }
}

function progress(wanted: number, started: number, json: boolean): (done: number) => void {
  const { isTTY } = process.stderr;
  if (json && !isTTY) return () => undefined;
  let shown = started;
  return (done) => {
    const now = performance.now();
    if (now - shown < (isTTY ? progressEvery.terminal : progressEvery.log)) return;
    shown = now;
    const line = `${done} of ${wanted} calls, ${Math.round((1000 * done) / (now - started))} calls/s`;
    process.stderr.write(isTTY ? `\r\u001b[K${line}` : `microvisor: ${line}\n`);
  };
}
