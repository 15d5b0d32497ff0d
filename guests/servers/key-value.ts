// A key-value store. Every stream channel speaks a text protocol, one line a request, one or more lines the answer:
//
//   put KEY VALUE    ok
//   get KEY          VALUE, or: error: no such key
//   delete KEY       ok, or: error: no such key
//   list             each key on a line, then: ok N keys
//
// So a Linux guest uses it from its shell, through the console port that is named after the channel:
//
//   exec 3<>/dev/virtio-ports/store; echo 'put a 1' >&3; read -r -t 2 line <&3; echo "$line"
//
// Every rpc channel takes the same requests as text messages with label 0; the answer's label is 0, or 1 for an error.

import { type Cell, type Message, messageText, StreamChannel, server, textMessage } from '../sdk/index.ts';

interface Store {
  entries: Record<string, string>;
}

interface Answer {
  ok: boolean;
  text: string;
}

/** Longest key and value, in UTF-16 units. */
const keyLimit = 64;
const valueLimit = 512;

const done: Answer = { ok: true, text: 'ok' };
const failed = (reason: string): Answer => ({ ok: false, text: `error: ${reason}` });

function put(cell: Cell<Store>, key: string, value: string): Answer {
  if (key.length > keyLimit) return failed(`a key has at most ${keyLimit} characters`);
  if (value.length > valueLimit) return failed(`a value has at most ${valueLimit} characters`);
  cell.draft().entries[key] = value;
  return done;
}

function get(cell: Cell<Store>, key: string): Answer {
  const { entries } = cell.state;
  return Object.hasOwn(entries, key) ? { ok: true, text: entries[key]! } : failed('no such key');
}

function remove(cell: Cell<Store>, key: string): Answer {
  if (!Object.hasOwn(cell.state.entries, key)) return failed('no such key');
  delete cell.draft().entries[key];
  return done;
}

function list(cell: Cell<Store>): Answer {
  const keys = Object.keys(cell.state.entries).sort();
  return { ok: true, text: [...keys, `ok ${keys.length} keys`].join('\n') };
}

function answer(cell: Cell<Store>, request: string): Answer {
  const [, verb, key, value] = /^\s*(\S+)(?:\s+(\S+)(?:\s+(.*\S))?)?\s*$/.exec(request) ?? [];
  switch (verb) {
    case 'put':
      return key === undefined || value === undefined ? failed('put KEY VALUE') : put(cell, key, value);
    case 'get':
      return key === undefined ? failed('get KEY') : get(cell, key);
    case 'delete':
      return key === undefined ? failed('delete KEY') : remove(cell, key);
    case 'list':
      return list(cell);
    default:
      return failed('put, get, delete or list');
  }
}

export default server<Store>({
  state: () => ({ entries: {} }),

  init(cell) {
    cell.log(`key-value store, ${cell.channels.length} channels`);
  },

  notified(cell, channel) {
    if (!(channel instanceof StreamChannel)) return;
    for (const line of channel.readLines()) {
      if (line.trim() !== '') channel.print(`${answer(cell, line).text}\n`);
    }
  },

  protected(cell, _channel, message): Message {
    const { ok, text } = answer(cell, messageText(message));
    return textMessage(ok ? 0 : 1, text);
  },

  restarted(cell, reason) {
    cell.log(`started again after ${reason}`);
  },
});
