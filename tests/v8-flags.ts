// Gives V8 the settings that machines ship with, in every process that runs tests. The tests of planted bugs start such processes.

import { setV8Flags } from '../tools/host/v8-flags.ts';

setV8Flags();
