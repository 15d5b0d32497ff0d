// SBI system reset: shutdown and reboot.

import { sbiError } from './abi.ts';
import { failure, type SbiExtension } from './extension.ts';
import type { ResetKind } from './platform.ts';

/** By reset type. Platform specific types and reasons are not implemented, so they are invalid parameters. */
const resetKinds: ResetKind[] = ['shutdown', 'cold-reboot', 'warm-reboot'];
const lastReason = 1;

export const systemReset: SbiExtension = [
  ({ platform, args }) => {
    const kind = resetKinds[Number(args[0]! & 0xffff_ffffn)];
    const reason = Number(args[1]! & 0xffff_ffffn);
    if (kind === undefined || reason > lastReason) return failure(sbiError.invalidParam);
    platform.reset(kind, reason);
    return { kind: 'gone' };
  },
];
