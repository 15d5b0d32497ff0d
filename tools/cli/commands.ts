// The commands, in the order that the help lists them. A new one is a file in commands/ and a line here.

import type { Command } from './command-line.ts';
import { asmCommand } from './commands/asm.ts';
import { bareCommand } from './commands/bare.ts';
import { benchCommand } from './commands/bench.ts';
import { bootCommand } from './commands/boot.ts';
import { checkCommand } from './commands/check.ts';
import { diffCommand } from './commands/diff.ts';
import { disasmCommand } from './commands/disasm.ts';
import { grindCommand } from './commands/grind.ts';
import { proveIsolationCommand } from './commands/prove-isolation.ts';
import { runCommand } from './commands/run.ts';

export const commands: readonly Command[] = [
  checkCommand,
  runCommand,
  bootCommand,
  bareCommand,
  proveIsolationCommand,
  diffCommand,
  asmCommand,
  disasmCommand,
  benchCommand,
  grindCommand,
];
