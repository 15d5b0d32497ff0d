// One system call of a trusted realm thread, as values: the boot task's way to speak to the kernel.

import { error, errorNames } from '../../microvisor/abi/errors.ts';
import { type InvocationLabel, label } from '../../microvisor/abi/invocation-labels.ts';
import { ipcBuffer } from '../../microvisor/abi/ipc-buffer.ts';
import { messageInfoFromWord, messageInfoWord } from '../../microvisor/abi/message-info.ts';
import { callRegister, systemCall } from '../../microvisor/abi/system-calls.ts';
import type { RealmThread } from '../../microvisor/realm.ts';

/** An invocation of a capability: everything by slot of the caller's CSpace. */
export interface Invocation {
  label: InvocationLabel;
  capability: number;
  words: readonly (number | bigint)[];
  capabilities: readonly number[];
}

/** A message that was received, or an answer. */
export interface Message {
  label: number;
  badge: bigint;
  words: bigint[];
}

const registers = 4;

/** Marshals system calls of `thread`; its IPC buffer is at `bufferAddress`. */
export class Caller {
  constructor(
    private readonly thread: RealmThread,
    private readonly bufferAddress: number,
  ) {}

  private setWord(index: number, value: bigint): void {
    this.thread.store(this.bufferAddress + 8 * index, 8, BigInt.asUintN(64, value));
  }

  private place(number: number, capability: number, info: bigint, words: readonly (number | bigint)[]): void {
    const { thread } = this;
    words.forEach((word, index) => {
      if (index < registers) thread.setRegister(callRegister.message0 + index, BigInt(word));
      else this.setWord(ipcBuffer.message + index, BigInt(word));
    });
    thread.setRegister(callRegister.number, BigInt(number));
    thread.setRegister(callRegister.capability, BigInt(capability));
    thread.setRegister(callRegister.messageInfo, info);
  }

  /** Starts an invocation. true: it has returned, see `message`. */
  invoke({ label: name, capability, words, capabilities }: Invocation): boolean {
    capabilities.forEach((slot, index) => {
      this.setWord(ipcBuffer.capsOrBadges + index, BigInt(slot));
    });
    const info = messageInfoWord({ label: label[name], extraCaps: capabilities.length, length: words.length });
    this.place(systemCall.call, capability, info, words);
    return this.thread.systemCall();
  }

  /** Sends without waiting for an answer: to an endpoint, or on a reply object. */
  send(capability: number, messageLabel: number, words: readonly bigint[] = []): boolean {
    this.place(systemCall.nbSend, capability, messageInfoWord({ label: messageLabel, length: words.length }), words);
    return this.thread.systemCall();
  }

  receive(endpoint: number, reply: number): boolean {
    this.place(systemCall.recv, endpoint, 0n, []);
    this.thread.setRegister(callRegister.reply, BigInt(reply));
    return this.thread.systemCall();
  }

  /** What the last call brought. */
  message(): Message {
    const { thread } = this;
    const info = messageInfoFromWord(thread.register(callRegister.messageInfo));
    const words = Array.from({ length: info.length }, (_, index) =>
      BigInt.asUintN(
        64,
        index < registers
          ? thread.register(callRegister.message0 + index)
          : thread.load(this.bufferAddress + 8 * (ipcBuffer.message + index), 8)!,
      ),
    );
    return { label: info.label, badge: BigInt.asUintN(64, thread.register(callRegister.badge)), words };
  }
}

/** The name of an answer's error, or undefined. */
export function errorOf({ label: code, words }: Message): string | undefined {
  return code === error.none ? undefined : `${errorNames[code] ?? code} (${words.join(', ')})`;
}
