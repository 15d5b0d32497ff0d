// SBI remote fences.

import { sbiError } from './abi.ts';
import { failure, type SbiCall, type SbiExtension, type SbiResult, success } from './extension.ts';
import { hartList } from './hart-mask.ts';
import type { FenceRange, RemoteFence } from './platform.ts';

const asidLimit = 1n << 16n;
const vmidLimit = 1n << 14n;

export const rfence: SbiExtension = [
  (call) => fence(call, { kind: 'fence.i' }),
  (call) => fence(call, { kind: 'sfence.vma', range: rangeOf(call), asid: undefined }),
  (call) => fenceWithId(call, asidLimit, (asid) => ({ kind: 'sfence.vma', range: rangeOf(call), asid })),
  (call) => guestFence(call, () => fenceWithId(call, vmidLimit, (vmid) => hfenceGvma(call, vmid))),
  (call) => guestFence(call, () => fence(call, hfenceGvma(call, undefined))),
  (call) => guestFence(call, () => fenceWithId(call, asidLimit, (asid) => hfenceVvma(call, asid))),
  (call) => guestFence(call, () => fence(call, hfenceVvma(call, undefined))),
];

/**
 * The range as the specification reads it. A range that runs past the end of the address space is widened to all of
 * it, which is always allowed, as other implementations do.
 */
export function fenceRange(start: bigint, size: bigint): FenceRange {
  if (size === (1n << 64n) - 1n || (start === 0n && size === 0n)) return 'all';
  return start + size > 1n << 64n ? 'all' : { start, size };
}

function rangeOf(call: SbiCall): FenceRange {
  return fenceRange(call.args[2]!, call.args[3]!);
}

function hfenceGvma(call: SbiCall, vmid: number | undefined): RemoteFence {
  return { kind: 'hfence.gvma', range: rangeOf(call), vmid };
}

function hfenceVvma(call: SbiCall, asid: number | undefined): RemoteFence {
  return { kind: 'hfence.vvma', range: rangeOf(call), asid };
}

function fence(call: SbiCall, fence: RemoteFence): SbiResult {
  const harts = hartList(call.platform.harts, call.args[0]!, call.args[1]!);
  if (harts === undefined) return failure(sbiError.invalidParam);
  for (const hart of harts) call.platform.remoteFence(call.hart, hart, fence);
  return success();
}

function fenceWithId(call: SbiCall, limit: bigint, fenceFor: (id: number) => RemoteFence): SbiResult {
  const id = call.args[4]!;
  return id < limit ? fence(call, fenceFor(Number(id))) : failure(sbiError.invalidParam);
}

function guestFence(call: SbiCall, execute: () => SbiResult): SbiResult {
  return call.platform.hypervisor ? execute() : failure(sbiError.notSupported);
}
