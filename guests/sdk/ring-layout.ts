// Rings in the memory of a channel: one producer, one consumer, bytes in order. A stream or queue channel has two, one for
// each direction: the first half of its memory flows from end 0 to end 1, the second half back.
//
// Layout of a ring, 32-bit little-endian words:
//
//   offset  0  producerGeneration   written by the producer: grows by one whenever it starts again
//           4  tail                 written by the producer: bytes ever put in, modulo 2^32
//           8  dropped              written by the producer: bytes or messages that found no room
//          32  consumerGeneration   written by the consumer: the producer's generation that it has taken notice of
//          36  head                 written by the consumer: bytes ever taken out, modulo 2^32
//          64  data                 a power of two of bytes: the largest that fits
//
// Reset handshake. A producer that starts again sets tail to 0, then adds one to its generation. Until the consumer
// has answered, the ring has no room. A consumer that sees a new generation sets head to 0, copies the generation, signals.
// A consumer that restarts discards what it has not taken out: that may be what made it fail. Memory of zeros is a
// valid, empty ring.
//
// Order. Data are stored at once; indices are published when the handler commits, data before index. So a handler that
// fails has sent nothing and taken nothing.
//
// Neither side trusts the other: more than `capacity` bytes between head and tail count as an empty, and as a full ring.

/** Offsets of a ring's fields. */
export const ringField = {
  producerGeneration: 0,
  tail: 4,
  dropped: 8,
  consumerGeneration: 32,
  head: 36,
  data: 64,
} as const;

/** Data bytes of a ring in `size` bytes of memory. */
export function ringCapacity(size: number): number {
  let capacity = 1;
  while (capacity * 2 <= size - ringField.data) capacity *= 2;
  return capacity;
}
