// SBI interprocessor interrupts.

import { sbiError } from './abi.ts';
import { failure, type SbiCall, type SbiExtension, success } from './extension.ts';
import { hartList } from './hart-mask.ts';

export const ipi: SbiExtension = [
  (call) => {
    const harts = hartList(call.platform.harts, call.args[0]!, call.args[1]!);
    if (harts === undefined) return failure(sbiError.invalidParam);
    sendIpis(call, harts);
    return success();
  },
];

/** A stopped hart is a valid target and is left alone: it would start with a stale interrupt. */
export function sendIpis({ state, platform }: SbiCall, harts: number[]): void {
  for (const hart of harts) {
    if (state.harts[hart] !== 'stopped') platform.sendIpi(hart);
  }
}
