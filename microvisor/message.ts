// Messages: registers and the IPC buffer of a thread, where message words live.

import { context as contextFields } from '../hw/engine/layout.ts';
import { ipcBuffer } from './abi/ipc-buffer.ts';
import { msgRegisterCount } from './abi/limits.ts';
import { callRegister } from './abi/system-calls.ts';
import type { Kernel } from './kernel.ts';
import { capType, type Tcb, tcbSlot, vmRights } from './objects.ts';

/**
 * A message info word is kept as its halves. Its low half holds length, extraCaps, capsUnwrapped and 20 bits of the label.
 * These read the parts without allocating.
 */
export const infoLength = (low: number): number => low & 127;
export const infoExtraCaps = (low: number): number => (low >>> 7) & 3;
/** Whether the whole message is in registers: neither IPC buffer has a part in it. */
export const infoInRegisters = (low: number): boolean => (low & 0x1ff) <= msgRegisterCount;
export const infoLabel = (low: number, high: number): number => high * 2 ** 20 + (low >>> 12);

/** The capabilities that came with a message: a bit for each that was unwrapped, and how many there are. */
export const infoCaps = (unwrapped: number, count: number): number => (unwrapped << 9) | (count << 7);
/** The label that the sender gives, with what arrives. */
export function forwardMessageInfo(sender: Tcb, receiver: Tcb, caps: number, length: number): void {
  const low = sender.context.xLow(callRegister.messageInfo);
  const high = sender.context.xHigh(callRegister.messageInfo);
  receiver.context.setXHalves(callRegister.messageInfo, (low & ~0xfff) | caps | length, high);
}

/** `label` is below 2^20, as those of faults and errors are. */
export function setMessageInfo(tcb: Tcb, label: number, length: number): void {
  tcb.context.setXHalves(callRegister.messageInfo, (label << 12) | length, 0);
}

const bufferBytes = 8 * ipcBuffer.words;

/** Offset in machine memory of the thread's IPC buffer, or −1 if it has none that it may write (receiver) or read. */
export function lookupIPCBuffer(kernel: Kernel, isReceiver: boolean, tcb: Tcb): number {
  const { cap } = tcb.slots.slot(tcbSlot.buffer);
  // TCBs take no frames of devices.
  if (cap.type !== capType.frame) return -1;
  if (cap.rights !== vmRights.readWrite && (isReceiver || cap.rights !== vmRights.readOnly)) return -1;
  const physical = cap.address + (tcb.ipcBuffer & ((1 << cap.sizeBits) - 1));
  if (isReceiver) kernel.written(physical, bufferBytes);
  return kernel.machine.memory.hostAddress(physical, bufferBytes);
}

/** A word of an IPC buffer at `buffer`, unsigned. */
export const bufferWord = (kernel: Kernel, buffer: number, index: number): bigint =>
  kernel.machine.memory.u64[(buffer >>> 3) + index]!;
export function setBufferWord(kernel: Kernel, buffer: number, index: number, value: bigint): void {
  kernel.machine.memory.u64[(buffer >>> 3) + index] = value;
}

/** Message word `index` of what a thread sends, unsigned; words beyond the registers need the buffer. */
export function messageRegister(kernel: Kernel, tcb: Tcb, buffer: number, index: number): bigint {
  const at =
    index < msgRegisterCount
      ? tcb.context.base + contextFields.x + 8 * (callRegister.message0 + index)
      : buffer + 8 * (ipcBuffer.message + index);
  return kernel.machine.memory.u64[at >>> 3]!;
}

/** Writes a message word for a receiver; returns how long the message is with it. */
export function setMR(kernel: Kernel, tcb: Tcb, buffer: number, index: number, value: bigint): number {
  if (index < msgRegisterCount) {
    tcb.context.setX(callRegister.message0 + index, BigInt.asIntN(64, value));
    return index + 1;
  }
  if (buffer < 0) return msgRegisterCount;
  setBufferWord(kernel, buffer, ipcBuffer.message + index, value);
  return index + 1;
}

/** Where message registers begin in a context. */
const firstRegister = contextFields.x + 8 * callRegister.message0;

/** Copies a message; returns the words that arrived: those in registers when either side has no buffer. */
export function copyMRs(
  kernel: Kernel,
  sender: Tcb,
  sendBuffer: number,
  receiver: Tcb,
  receiveBuffer: number,
  length: number,
): number {
  const inRegisters = Math.min(length, msgRegisterCount);
  const { u32 } = kernel.machine.memory;
  const from = (sender.context.base + firstRegister) >>> 2;
  const to = (receiver.context.base + firstRegister) >>> 2;
  for (let half = 0; half < 2 * inRegisters; half++) u32[to + half] = u32[from + half]!;
  kernel.charge(kernel.costs.word * length);
  if (sendBuffer < 0 || receiveBuffer < 0) return inRegisters;
  const first = (ipcBuffer.message + msgRegisterCount) * 8;
  const { u8 } = kernel.machine.memory;
  u8.copyWithin(receiveBuffer + first, sendBuffer + first, sendBuffer + (ipcBuffer.message + length) * 8);
  return length;
}
