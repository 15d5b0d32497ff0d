// SBI hart state management.

import { sbiError } from './abi.ts';
import { failure, type HartStatus, physicalAddress, type SbiCall, type SbiExtension, success } from './extension.ts';

/** State ids that sbi_hart_get_status answers. */
const stateId: Record<HartStatus, bigint> = { started: 0n, stopped: 1n, suspended: 4n };

const suspendType = { retentive: 0, nonRetentive: 0x8000_0000 };

export const hsm: SbiExtension = [
  function hartStart(call) {
    const { state, platform, args } = call;
    const status = statusOf(call, args[0]!);
    if (status === undefined) return failure(sbiError.invalidParam);
    if (status !== 'stopped') return failure(sbiError.alreadyAvailable);
    const address = entryAddress(call, args[1]!);
    if (address === undefined) return failure(sbiError.invalidAddress);
    const hart = Number(args[0]);
    state.harts[hart] = 'started';
    platform.startHart(hart, { address, opaque: args[2]! });
    return success();
  },

  function hartStop({ state, platform, hart }) {
    state.harts[hart] = 'stopped';
    platform.stopHart(hart);
    return { kind: 'gone' };
  },

  function hartGetStatus(call) {
    const status = statusOf(call, call.args[0]!);
    return status === undefined ? failure(sbiError.invalidParam) : success(stateId[status]);
  },

  function hartSuspend(call) {
    const { state, platform, hart, args } = call;
    const type = Number(args[0]! & 0xffff_ffffn);
    if (type === suspendType.retentive) {
      state.harts[hart] = 'suspended';
      platform.suspendHart(hart, undefined);
      return success();
    }
    if (type !== suspendType.nonRetentive) return failure(sbiError.invalidParam);
    const address = entryAddress(call, args[1]!);
    if (address === undefined) return failure(sbiError.invalidAddress);
    state.harts[hart] = 'suspended';
    platform.suspendHart(hart, { address, opaque: args[2]! });
    return { kind: 'gone' };
  },
];

function statusOf({ state, platform }: SbiCall, hartId: bigint): HartStatus | undefined {
  return hartId < BigInt(platform.harts) ? state.harts[Number(hartId)] : undefined;
}

/** An address where a hart may begin, or undefined. */
function entryAddress({ platform }: SbiCall, value: bigint): number | undefined {
  const address = physicalAddress(value);
  // Two bytes: the shortest instruction, which is also the alignment.
  return address !== undefined && address % 2 === 0 && platform.isMemory(address, 2) ? address : undefined;
}
