// Deterministic randomness: ChaCha20's key stream (RFC 8439), seeded by the manifest. State is plain data.

export interface EntropyState {
  /** 256 bits in eight words. */
  key: number[];
  /** 96 bits: which stream of the key. */
  nonce: number[];
  /** Bytes taken from the stream so far. */
  position: number;
}

const blockSize = 64;
/** "expand 32-byte k" as little-endian words. */
const constants = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

/**
 * The stream `name` of a seed. Streams of different names or seeds have nothing to do with each other. `seed` is a safe
 * integer.
 */
export function entropyState(seed: number, name: string): EntropyState {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, 0, 0, 0, 0, 0, 0];
  return { key, nonce: nonceOf(name), position: 0 };
}

/** The next `length` bytes. How reads are divided doesn't change the stream. */
export function takeEntropy(state: EntropyState, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const within = state.position % blockSize;
    const block = keyStreamBlock(state.key, state.nonce, Math.floor(state.position / blockSize));
    const count = Math.min(blockSize - within, length - filled);
    for (let i = 0; i < count; i++) {
      const at = within + i;
      bytes[filled + i] = block[at >>> 2]! >>> (8 * (at & 3));
    }
    filled += count;
    state.position += count;
  }
  return bytes;
}

/** One block of key stream: sixteen words, little-endian (RFC 8439, section 2.3). `counter` is taken modulo 2^32. */
export function keyStreamBlock(key: readonly number[], nonce: readonly number[], counter: number): Uint32Array {
  const initial = Uint32Array.of(...constants, ...key, counter, ...nonce);
  const block = initial.slice();
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 4; i++) quarterRound(block, i, 4 + i, 8 + i, 12 + i);
    for (let i = 0; i < 4; i++) quarterRound(block, i, 4 + ((i + 1) & 3), 8 + ((i + 2) & 3), 12 + ((i + 3) & 3));
  }
  for (let i = 0; i < 16; i++) block[i] = block[i]! + initial[i]!;
  return block;
}

function quarterRound(block: Uint32Array, a: number, b: number, c: number, d: number): void {
  block[a] = block[a]! + block[b]!;
  block[d] = rotateLeft(block[d]! ^ block[a]!, 16);
  block[c] = block[c]! + block[d]!;
  block[b] = rotateLeft(block[b]! ^ block[c]!, 12);
  block[a] = block[a]! + block[b]!;
  block[d] = rotateLeft(block[d]! ^ block[a]!, 8);
  block[c] = block[c]! + block[d]!;
  block[b] = rotateLeft(block[b]! ^ block[c]!, 7);
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** Three FNV-1a hashes of the name, each begun with a word of its own. */
function nonceOf(name: string): number[] {
  return [0x811c9dc5, 0x01000193, 0x9e3779b9].map((basis) => {
    let hash = basis;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    return hash >>> 0;
  });
}
