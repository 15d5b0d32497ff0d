// The Supervisor Binary Interface: the bare machine's built-in firmware, and a virtual machine's.

import { extensionId, sbiError } from './abi.ts';
import { base } from './base.ts';
import { debugConsole } from './debug-console.ts';
import { failure, type SbiExtension, type SbiResult, type SbiState } from './extension.ts';
import { hsm } from './hsm.ts';
import { ipi } from './ipi.ts';
import { legacy } from './legacy.ts';
import type { SbiPlatform } from './platform.ts';
import { rfence } from './rfence.ts';
import { systemReset } from './system-reset.ts';
import { time } from './time.ts';

export type { SbiResult, SbiState } from './extension.ts';
export type { FenceRange, HartEntry, RemoteFence, ResetKind, SbiPlatform } from './platform.ts';

const extensions: ReadonlyMap<bigint, SbiExtension> = new Map([
  [extensionId.base, base],
  [extensionId.time, time],
  [extensionId.ipi, ipi],
  [extensionId.rfence, rfence],
  [extensionId.hsm, hsm],
  [extensionId.systemReset, systemReset],
  [extensionId.debugConsole, debugConsole],
]);

/** After power-on one hart runs and the others wait to be started (at most 64 harts). */
export function sbiState(harts: number, bootHart = 0): SbiState {
  return { harts: Array.from({ length: harts }, (_, hart) => (hart === bootHart ? 'started' : 'stopped')) };
}

/**
 * Executes an ECALL from S-mode of a hart (SBI 2.0). `registers`: a0 to a7, signed or unsigned. The caller applies the
 * result and steps over the ECALL; nothing a guest can pass makes it throw.
 */
export function sbiCall(state: SbiState, platform: SbiPlatform, hart: number, registers: readonly bigint[]): SbiResult {
  const values = registers.map((value) => BigInt.asUintN(64, value));
  const [functionId, eid] = [values[6]!, values[7]!];
  const call = { state, platform, hart, functionId, args: values.slice(0, 6), probe: implemented };
  const old = legacy.get(eid);
  if (old !== undefined) return old(call);
  const functions = extensions.get(eid);
  if (functions === undefined || functionId >= BigInt(functions.length)) return failure(sbiError.notSupported);
  return functions[Number(functionId)]!(call);
}

/** The platform reports that a suspended hart goes on. */
export function hartResumed(state: SbiState, hart: number): void {
  if (state.harts[hart] === 'suspended') state.harts[hart] = 'started';
}

function implemented(eid: bigint): boolean {
  return extensions.has(eid) || legacy.has(eid);
}
