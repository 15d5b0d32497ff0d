// A process that `microvisor bench` starts for each run of its own machine: the ELF is its argument, the result one line
// of JSON (`MachineRun`, or the `complaint` of a refusal).

import { Refusal } from '../refusal.ts';
import { runOnMachine } from './machine-run.ts';

try {
  process.stdout.write(`${JSON.stringify(runOnMachine(process.argv[2]!))}\n`);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  process.stdout.write(`${JSON.stringify({ complaint: error.message })}\n`);
}
