// A process that `microvisor bench` starts for each run of its own machine: its arguments are the ELF and perhaps
// `--translator`'s value, the result is one line of JSON (`MachineRun`, or the `complaint` of a refusal).

import { translatorOf } from '../cli/machine-options.ts';
import { setV8Flags } from '../host/v8-flags.ts';
import { Refusal } from '../refusal.ts';
import { runOnMachine } from './machine-run.ts';

setV8Flags();
try {
  const [elf, translator] = process.argv.slice(2);
  const run = runOnMachine(elf!, { translator: translator === undefined ? undefined : translatorOf(translator) });
  process.stdout.write(`${JSON.stringify(run)}\n`);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  process.stdout.write(`${JSON.stringify({ complaint: error.message })}\n`);
}
