// Queues of threads that wait for a message or a signal: by priority, then by arrival.

import { type ObjectId, type State, thread } from './state.ts';

export function insertByPriority(s: State, queue: ObjectId[], id: ObjectId): void {
  const { priority } = thread(s, id);
  const after = queue.findIndex((other) => thread(s, other).priority < priority);
  queue.splice(after < 0 ? queue.length : after, 0, id);
}
export function removeFrom(queue: ObjectId[], id: ObjectId): void {
  const at = queue.indexOf(id);
  if (at >= 0) queue.splice(at, 1);
}
