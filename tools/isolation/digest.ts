// A 32-bit digest of words, in order. Not cryptographic: it detects differences, not forgery.

export const emptyDigest = 0x811c_9dc5;
/** Odd, so that a step loses nothing. */
const multiplier = 0x9e37_79b1;

/**
 * Adds the low 32 bits of a word. A product carries upwards only, and its highest bit goes nowhere: so it is turned and multiplied
 * again. Otherwise a bit of one word, whatever the rest of it, would always be cancelled by some bit of the next.
 */
export function mix(digest: number, word: number): number {
  const product = Math.imul(digest ^ word, multiplier);
  return Math.imul((product << 16) | (product >>> 16), multiplier) >>> 0;
}
