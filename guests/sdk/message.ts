// Text and bytes in messages: eight bytes to a word, little-endian, after a word that holds their number.

import type { Message } from './system-call.ts';
import { decodeUtf8, encodeUtf8 } from './text.ts';

/** Label of the answer to a call whose server has died before it could answer. */
export const peerDied = 0xdead;

/** Bytes that fit into one message. */
export const messageBytes = 119 * 8;

/** Packs bytes: the first word is their number. Throws RangeError when they don't fit into a message. */
export function packBytes(bytes: Uint8Array): bigint[] {
  if (bytes.length > messageBytes) throw new RangeError(`A message holds ${messageBytes} bytes, not ${bytes.length}`);
  const words = [BigInt(bytes.length)];
  for (let at = 0; at < bytes.length; at += 8) {
    let word = 0n;
    for (let i = Math.min(7, bytes.length - at - 1); i >= 0; i--) word = (word << 8n) | BigInt(bytes[at + i]!);
    words.push(word);
  }
  return words;
}

/** Unpacks bytes. A count that the words don't hold is cut: messages come from other cells. */
export function unpackBytes(words: readonly bigint[]): Uint8Array {
  const count = Math.min(Number(words[0] ?? 0n), 8 * Math.max(0, words.length - 1));
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; at++) bytes[at] = Number((words[1 + (at >> 3)]! >> BigInt(8 * (at & 7))) & 0xffn);
  return bytes;
}

/** A message that carries a text. Throws RangeError past `messageBytes` bytes of UTF-8. */
export function textMessage(label: number, text: string): Message {
  return { label, words: packBytes(encodeUtf8(text)) };
}

/** The text of a message. */
export function messageText(message: Message): string {
  return decodeUtf8(unpackBytes(message.words));
}
