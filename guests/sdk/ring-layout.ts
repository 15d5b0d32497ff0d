// Rings in the memory of a channel: one producer, one consumer, bytes in order. A stream or queue channel has two, one for
// each direction: the first half of its memory flows from end 0 to end 1, the second half back.
//
// Layout of a ring, 32-bit little-endian words:
//
//   offset  0  generation   written by the producer: grows by one whenever it starts again
//           4  tail         written by the producer: bytes ever put in, modulo 2^32
//           8  dropped      written by the producer: bytes or messages that found no room
//          12  roomWanted   set to 1 by a producer that was short of room, and to 0 by the consumer, which then signals
//          32  generation   written by the consumer: the producer's generation that it has taken notice of
//          36  head         written by the consumer: bytes ever taken out, modulo 2^32
//          64  data         a power of two of bytes: the largest that fits
//
// A generation and its count are written together, as one doubleword.
//
// Reset handshake. A producer that starts again adds one to its generation and sets tail to 0. Until the consumer has
// answered, the ring has no room. A consumer that sees a new generation copies it, sets head to 0, and signals.
// A consumer that restarts discards what it has not taken out: that may be what made it fail. Memory of zeros is a
// valid, empty ring.
//
// Order. Data are stored at once; indices are published when the handler commits, data before index. So a handler that
// fails has sent nothing and taken nothing.
//
// Room. A producer that is short of room says so at once, and looks again before it waits. The consumer looks after it has
// published head, so one of the two sees the other; who has room enough is not disturbed.
//
// Neither side trusts the other: more than `capacity` bytes between head and tail count as an empty, and as a full ring.

/** Offsets of a ring's fields. */
export const ringField = {
  producer: 0,
  dropped: 8,
  roomWanted: 12,
  consumer: 32,
  data: 64,
} as const;

/** Data bytes of a ring in `size` bytes of memory. */
export function ringCapacity(size: number): number {
  let capacity = 1;
  while (capacity * 2 <= size - ringField.data) capacity *= 2;
  return capacity;
}
