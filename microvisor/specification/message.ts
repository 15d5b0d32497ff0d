// What a thread says and hears: registers, and the words of its IPC buffer in user memory.
// Source: seL4 manual, "Message Passing (IPC)"; libsel4's shared_types.

import { ipcBuffer } from '../abi/ipc-buffer.ts';
import { msgMaxLength, msgRegisterCount, sizeBits } from '../abi/limits.ts';
import { type MessageInfo, messageInfoFromWord, messageInfoWord } from '../abi/message-info.ts';
import { callRegister } from '../abi/system-calls.ts';
import { capAt } from './derivation.ts';
import { type ObjectId, type State, slotId, type Thread, tcbSlots, thread } from './state.ts';

export const register = (t: Thread, index: number): bigint => t.registers[index]!;
export function setRegister(t: Thread, index: number, value: bigint): void {
  if (index !== 0) t.registers[index] = BigInt.asUintN(64, value);
}
export function setBadge(t: Thread, badge: bigint): void {
  setRegister(t, callRegister.badge, badge);
}

/** The message info that a thread has in its register: never more words than a message may have. */
export function infoOf(t: Thread): MessageInfo {
  const info = messageInfoFromWord(register(t, callRegister.messageInfo));
  return { ...info, length: Math.min(info.length, msgMaxLength) };
}
export function setInfo(t: Thread, info: Partial<MessageInfo>): void {
  setRegister(t, callRegister.messageInfo, messageInfoWord(info));
}

/** Physical address of a thread's IPC buffer. null: it has none that it may read, or write. */
export function bufferOf(s: State, id: ObjectId, writing: boolean): number | null {
  const cap = capAt(s, slotId(id, tcbSlots.buffer));
  if (cap?.kind !== 'frame' || cap.device) return null;
  if (cap.rights === 'none' || (writing && cap.rights === 'read')) return null;
  return cap.object + (thread(s, id).buffer % 2 ** cap.bits);
}
const pageSize = 2 ** sizeBits.page;
const pageOf = (address: number): number => address - (address % pageSize);
const load = (s: State, address: number): bigint => s.memory[pageOf(address)]?.[address % pageSize] ?? 0n;
export function store(s: State, address: number, word: bigint): void {
  const page = pageOf(address);
  s.memory[page] ??= {};
  if (word === 0n) delete s.memory[page][address % pageSize];
  else s.memory[page][address % pageSize] = word;
  if (Object.keys(s.memory[page]).length === 0) delete s.memory[page];
}
export function clear(s: State, address: number, size: number): void {
  if (size >= pageSize) {
    for (let page = address; page < address + size; page += pageSize) delete s.memory[page];
  } else if (s.memory[pageOf(address)] !== undefined) {
    for (let at = address; at < address + size; at += 8) store(s, at, 0n);
  }
}
const wordAt = (buffer: number, index: number): number => buffer + 8 * index;
export const bufferWord = (s: State, buffer: number, index: number): bigint => load(s, wordAt(buffer, index));
export function setBufferWord(s: State, buffer: number, index: number, word: bigint): void {
  store(s, wordAt(buffer, index), word);
}

/** Word `index` of the message that a thread sends. */
export function word(s: State, id: ObjectId, buffer: number | null, index: number): bigint {
  if (index < msgRegisterCount) return register(thread(s, id), callRegister.message0 + index);
  return bufferWord(s, buffer!, ipcBuffer.message + index);
}

/** Gives a thread the words of a message, as far as it has room. Returns how many it got. */
export function setWords(s: State, id: ObjectId, words: readonly bigint[]): number {
  const t = thread(s, id);
  const buffer = bufferOf(s, id, true);
  const count = buffer === null ? Math.min(words.length, msgRegisterCount) : words.length;
  for (let i = 0; i < count; i++) {
    if (i < msgRegisterCount) setRegister(t, callRegister.message0 + i, words[i]!);
    else setBufferWord(s, buffer!, ipcBuffer.message + i, words[i]!);
  }
  return count;
}

/** An answer of the kernel to a Call. */
export function answer(s: State, id: ObjectId, label: number, words: readonly bigint[]): void {
  const t = thread(s, id);
  setBadge(t, 0n);
  setInfo(t, { label, length: setWords(s, id, words) });
}
