// What kinds of faults are called, in reports and as the reason of a restart.

import { faultType } from '../../microvisor/abi/faults.ts';

const names: Readonly<Record<number, string>> = {
  [faultType.capFault]: 'a capability fault',
  [faultType.unknownSyscall]: 'an unknown system call',
  [faultType.userException]: 'an exception',
  [faultType.timeout]: 'an exhausted budget',
  [faultType.vmFault]: 'a memory fault',
};

/** A fault type in words; other numbers are their sender's own. */
export function faultName(kind: number): string {
  return names[kind] ?? `reason ${kind}`;
}
