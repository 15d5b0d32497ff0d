// `microvisor check`: says whether a manifest is right, and what follows from it.

import type { CommandModule } from 'yargs';
import { Refusal } from '../../refusal.ts';
import { checkJson, checkReport } from '../check-report.ts';
import { checkedSystem, programMistakes, refuse } from '../checked-system.ts';
import { styleFor, wantsColor, widthOf } from '../output.ts';

export interface CheckArguments {
  manifest: string;
  set: string[] | undefined;
  json: boolean;
  quiet: boolean;
}

export const checkCommand: CommandModule<object, CheckArguments> = {
  command: 'check <manifest>',
  describe: 'check a manifest, and print what follows from it',
  builder: (yargs) =>
    yargs
      .positional('manifest', { type: 'string', demandOption: true, describe: 'the manifest (YAML)' })
      .option('set', {
        type: 'string',
        array: true,
        nargs: 1,
        requiresArg: true,
        describe: 'override a field: cells.linux.memory=512M; may be repeated',
      })
      .option('json', { type: 'boolean', default: false, describe: 'print the plan, or the errors, as JSON' })
      .option('quiet', { type: 'boolean', alias: 'q', default: false, describe: 'print errors only' }),
  handler: async ({ manifest: path, set, json, quiet }) => {
    const system = checkedSystem(path, set ?? []);
    const { stdout } = process;
    const diagnostics = system.ok ? await programMistakes(system.plan) : system.diagnostics;
    if (!system.ok || diagnostics.length > 0) {
      if (!json) refuse(diagnostics);
      stdout.write(`${JSON.stringify({ ok: false, diagnostics }, null, 2)}\n`);
      throw new Refusal('refused', '');
    }
    const { manifest, plan } = system;
    if (json) stdout.write(`${JSON.stringify(checkJson(manifest, plan), null, 2)}\n`);
    else if (!quiet) stdout.write(checkReport(manifest, plan, styleFor(wantsColor(stdout)), widthOf(stdout)));
  },
};
