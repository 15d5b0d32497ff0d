// SBI 0.1 calls: one extension id each, results in a0 alone.

import { extensionId } from './abi.ts';
import type { SbiCall, SbiFunction, SbiResult } from './extension.ts';
import { hartList } from './hart-mask.ts';
import { sendIpis } from './ipi.ts';
import type { RemoteFence } from './platform.ts';
import { fenceRange } from './rfence.ts';

export const legacy: ReadonlyMap<bigint, SbiFunction> = new Map<bigint, SbiFunction>([
  [
    extensionId.legacySetTimer,
    ({ platform, hart, args }) => {
      platform.setTimer(hart, args[0]!);
      return done(0n);
    },
  ],
  [
    extensionId.legacyConsolePutchar,
    ({ platform, args }) => {
      platform.consoleWrite(Uint8Array.of(Number(args[0]! & 0xffn)));
      return done(0n);
    },
  ],
  [
    extensionId.legacyConsoleGetchar,
    ({ platform }) => {
      const bytes = platform.consoleRead(1);
      return done(bytes.length === 0 ? -1n : BigInt(bytes[0]!));
    },
  ],
  [extensionId.legacyClearIpi, ({ platform, hart }) => done(platform.clearIpi(hart) ? 1n : 0n)],
  [extensionId.legacySendIpi, (call) => forHarts(call, (harts) => sendIpis(call, harts))],
  [extensionId.legacyRemoteFenceI, (call) => remoteFence(call, { kind: 'fence.i' })],
  [
    extensionId.legacyRemoteSfenceVma,
    (call) => remoteFence(call, { kind: 'sfence.vma', range: rangeOf(call), asid: undefined }),
  ],
  [
    extensionId.legacyRemoteSfenceVmaAsid,
    // An ASID wider than the hart's field names the one that its low bits name, as in satp.
    (call) => remoteFence(call, { kind: 'sfence.vma', range: rangeOf(call), asid: Number(call.args[3]! & 0xffffn) }),
  ],
  [
    extensionId.legacyShutdown,
    ({ platform }) => {
      platform.reset('shutdown', 0);
      return { kind: 'gone' };
    },
  ],
]);

function done(value: bigint): SbiResult {
  return { kind: 'legacy', value };
}

function rangeOf({ args }: SbiCall) {
  return fenceRange(args[1]!, args[2]!);
}

function remoteFence(call: SbiCall, fence: RemoteFence): SbiResult {
  return forHarts(call, (harts) => {
    for (const hart of harts) call.platform.remoteFence(call.hart, hart, fence);
  });
}

/** a0 points to a bit vector of harts in the caller's virtual memory; null means all. Bits of absent harts are ignored. */
function forHarts(call: SbiCall, act: (harts: number[]) => void): SbiResult {
  const { platform, hart, args } = call;
  const present = (1n << BigInt(platform.harts)) - 1n;
  const mask = args[0] === 0n ? present : platform.loadVirtual(hart, args[0]!);
  if (mask === undefined) return { kind: 'faulted' };
  act(hartList(platform.harts, mask & present, 0n)!);
  return done(0n);
}
