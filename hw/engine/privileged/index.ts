// The common paths of hw/hart/ in machine code: CSR accesses, traps that guest code takes, returns from them, fences for
// an address. TypeScript stays the description; whatever is not common is left to it.

import type { Fn, ModuleBuilder } from '../../wasm/module.ts';
import { type CsrAccess, defineCsrAccess } from './csr-access.ts';
import { defineFences, type Fences } from './fence.ts';
import { defineModes } from './mode.ts';
import { defineTraps, type Traps } from './traps.ts';

export interface PrivilegedImports {
  /** See `InterpreterImports`. */
  system: Fn<readonly ['i32', 'i32'], 'i32'>;
  /** Chooses the banks of the context that runs, and makes those that do not exist. */
  chooseBanks: Fn<readonly [], undefined>;
}

export interface Privileged extends Traps, Fences {
  csr: CsrAccess;
}

export function definePrivileged(module: ModuleBuilder, imports: PrivilegedImports): Privileged {
  const modes = defineModes(module, imports);
  return {
    csr: defineCsrAccess(module, modes, imports),
    ...defineTraps(module, modes, imports),
    ...defineFences(module, imports),
  };
}
