// Moving a message from one thread to another: words, badge, and the capabilities beside them.

import { ipcBuffer } from './abi/ipc-buffer.ts';
import { msgMaxLength } from './abi/limits.ts';
import { callRegister } from './abi/system-calls.ts';
import { cteInsert, deriveCap } from './cspace/derivation.ts';
import { highHalf, lookupSlot, lookupSlotForCNodeOp, lowHalf } from './cspace/lookup.ts';
import { doFaultTransfer } from './faults.ts';
import type { Kernel } from './kernel.ts';
import {
  bufferWord,
  copyMRs,
  forwardMessageInfo,
  infoCaps,
  infoExtraCaps,
  infoInRegisters,
  infoLength,
  lookupIPCBuffer,
  setBufferWord,
} from './message.ts';
import { capType, type Endpoint, type Slot, type Tcb } from './objects.ts';
import { SyscallError } from './outcome.ts';

/**
 * Looks up the capabilities beside a message into `kernel.extraCaps`. −1: all found; otherwise the index in the buffer of the
 * address that did not resolve, with `kernel.lookupFailure` saying why.
 */
export function lookupExtraCaps(kernel: Kernel, tcb: Tcb, buffer: number, infoLow: number): number {
  if (kernel.extraCaps.length > 0) kernel.extraCaps.length = 0;
  if (buffer < 0) return -1;
  const count = infoExtraCaps(infoLow);
  for (let i = 0; i < count; i++) {
    const word = bufferWord(kernel, buffer, ipcBuffer.capsOrBadges + i);
    const slot = lookupSlot(kernel, tcb, lowHalf(word), highHalf(word));
    if (slot === null) return ipcBuffer.capsOrBadges + i;
    kernel.extraCaps.push(slot);
  }
  return -1;
}

/** The empty slot that a receiver has prepared for a capability, if it has. */
function getReceiveSlot(kernel: Kernel, receiver: Tcb, buffer: number): Slot | null {
  const root = bufferWord(kernel, buffer, ipcBuffer.receiveCNode);
  const rootSlot = lookupSlot(kernel, receiver, lowHalf(root), highHalf(root));
  if (rootSlot === null) return null;
  const index = bufferWord(kernel, buffer, ipcBuffer.receiveIndex);
  const depth = bufferWord(kernel, buffer, ipcBuffer.receiveDepth);
  const slot = lookupSlotForCNodeOp(kernel, false, rootSlot.cap, index, depth);
  return slot instanceof SyscallError || slot.cap.type !== capType.null ? null : slot;
}

/** Transfers the capabilities in `kernel.extraCaps`: those to the endpoint itself as badges, of the others at most one. */
function transferCaps(kernel: Kernel, endpoint: Endpoint | null, receiver: Tcb, buffer: number): number {
  const { extraCaps } = kernel;
  if (extraCaps.length === 0 || buffer < 0) return 0;
  let destination = getReceiveSlot(kernel, receiver, buffer);
  let unwrapped = 0;
  let count = 0;
  for (; count < extraCaps.length; count++) {
    const slot = extraCaps[count]!;
    const { cap } = slot;
    if (cap.type === capType.endpoint && cap.endpoint === endpoint) {
      setBufferWord(kernel, buffer, ipcBuffer.capsOrBadges + count, cap.badge);
      unwrapped |= 1 << count;
      continue;
    }
    if (destination === null) break;
    const derived = deriveCap(slot, cap);
    if (derived instanceof SyscallError || derived.type === capType.null) break;
    cteInsert(kernel, derived, slot, destination);
    destination = null;
  }
  return infoCaps(unwrapped, count);
}

/** A message that is in registers as a whole. */
export function transferRegisters(kernel: Kernel, sender: Tcb, badge: bigint, receiver: Tcb): void {
  const arrived = copyMRs(kernel, sender, -1, receiver, -1, infoLength(sender.context.xLow(callRegister.messageInfo)));
  forwardMessageInfo(sender, receiver, 0, arrived);
  receiver.context.setX(callRegister.badge, badge);
}

/** A message, or the fault that the sender is in. */
export function doIPCTransfer(
  kernel: Kernel,
  sender: Tcb,
  endpoint: Endpoint | null,
  badge: bigint,
  canGrant: boolean,
  receiver: Tcb,
): void {
  if (sender.fault !== null) {
    doFaultTransfer(kernel, badge, sender, receiver, lookupIPCBuffer(kernel, true, receiver));
    return;
  }
  sender.messages++;
  const low = sender.context.xLow(callRegister.messageInfo);
  if (infoInRegisters(low)) {
    transferRegisters(kernel, sender, badge, receiver);
    return;
  }
  const sendBuffer = lookupIPCBuffer(kernel, false, sender);
  const receiveBuffer = lookupIPCBuffer(kernel, true, receiver);
  const found = canGrant && lookupExtraCaps(kernel, sender, sendBuffer, low) < 0;
  if (!found) kernel.extraCaps.length = 0;
  const arrived = copyMRs(kernel, sender, sendBuffer, receiver, receiveBuffer, Math.min(infoLength(low), msgMaxLength));
  const caps = transferCaps(kernel, endpoint, receiver, receiveBuffer);
  forwardMessageInfo(sender, receiver, caps, arrived);
  receiver.context.setX(callRegister.badge, badge);
}
