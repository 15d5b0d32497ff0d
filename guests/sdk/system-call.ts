// System calls of seL4 for native servers: numbers and message info from the kernel's ABI, buffer from the layout.

import { ipcBuffer } from '../../microvisor/abi/ipc-buffer.ts';
import { messageInfoFromWord, messageInfoWord } from '../../microvisor/abi/message-info.ts';
import { systemCall as number } from '../../microvisor/abi/system-calls.ts';
import { address, slot } from './layout.ts';
import { machine, type SystemCallResult } from './machine.ts';

/** A message: what calls, replies and faults carry. */
export interface Message {
  /** 52 bits; meaning is the protocol's. */
  readonly label: number;
  /** At most 120 unsigned 64-bit words. */
  readonly words: readonly bigint[];
}

/** A message that has arrived. */
export interface Received extends Message {
  readonly badge: bigint;
}

function infoOf({ label, words }: Message, extraCaps = 0): bigint {
  return messageInfoWord({ label, extraCaps, length: words.length });
}

function received({ badge, info, words }: SystemCallResult): Received {
  return { badge, label: messageInfoFromWord(info).label, words };
}

/**
 * seL4_Call. Blocks until the answer is there. Invocations of kernel objects answer with an error code as label.
 * @param capabilities slots of capabilities to send along, at most three
 */
export function call(capability: number, message: Message, capabilities: readonly number[] = []): Received {
  for (let i = 0; i < capabilities.length; i++) {
    machine.store(address.ipcBuffer + 8 * (ipcBuffer.capsOrBadges + i), 8, BigInt(capabilities[i]!));
  }
  const info = infoOf(message, capabilities.length);
  return received(machine.systemCall(number.call, capability, info, message.words, 0, address.ipcBuffer));
}

/** seL4_Recv on the server's input. Blocks until a call, a fault or a signal arrives. */
export function receive(): Received {
  return received(machine.systemCall(number.recv, slot.input, 0n, [], slot.reply, address.ipcBuffer));
}

/** seL4_ReplyRecv: answers the last caller, then waits as `receive` does. */
export function replyAndReceive(reply: Message): Received {
  return received(
    machine.systemCall(number.replyRecv, slot.input, infoOf(reply), reply.words, slot.reply, address.ipcBuffer),
  );
}

/** seL4_NBSendRecv: signals `destination`, then waits as `receive` does, with nothing in between. */
export function signalAndReceive(destination: number): Received {
  return received(
    machine.systemCall(number.nbSendRecv, slot.input, 0n, [], slot.reply, address.ipcBuffer, destination),
  );
}

/** seL4_NBSend: to whoever waits for it; nobody does: it is gone. On a reply object: the answer. */
export function send(capability: number, message: Message): void {
  machine.systemCall(number.nbSend, capability, infoOf(message), message.words, 0, address.ipcBuffer);
}

/** seL4_DebugPutChar. */
export function debugPutChar(byte: number): void {
  machine.systemCall(number.debugPutChar, byte, 0n, [], 0, address.ipcBuffer);
}
