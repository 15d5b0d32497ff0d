// `microvisor check`: says whether a manifest is right, and what follows from it.

import type { CommandModule } from 'yargs';

export interface CheckArguments {
  manifest: string;
  set: string[] | undefined;
  json: boolean;
  quiet: boolean;
}

export const checkCommand: CommandModule<object, CheckArguments> = {
  command: 'check <manifest>',
  describe: 'check a manifest, and print what follows from it',
  builder: {
    manifest: { type: 'string', describe: 'the manifest (YAML)' },
    set: {
      type: 'string',
      array: true,
      nargs: 1,
      describe: 'override a field: cells.linux.memory=512M',
      requiresArg: true,
    },
    json: { type: 'boolean', default: false, describe: 'print JSON' },
    quiet: { type: 'boolean', alias: 'q', default: false, describe: 'print errors only' },
  } as never,
  handler: async () => {},
};
