// UTF-8, for what travels through memory and messages. Malformed input becomes U+FFFD, as the WHATWG encoding standard says.

const replacement = 0xfffd;

/** The bytes of a text. Lone surrogates become U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    let code = character.codePointAt(0) ?? replacement;
    if (code >= 0xd800 && code <= 0xdfff) code = replacement;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
  }
  return Uint8Array.from(bytes);
}

/** The text of bytes. */
export function decodeUtf8(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [code, length] = decodeOne(bytes, at);
    parts.push(String.fromCodePoint(code));
    at += length;
  }
  return parts.join('');
}

/** Smallest code point of each sequence length: shorter ones must not be written longer. */
const smallest = [0, 0, 0x80, 0x800, 0x10000];

function decodeOne(bytes: Uint8Array, at: number): [code: number, length: number] {
  const first = bytes[at]!;
  if (first < 0x80) return [first, 1];
  const length =
    first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc2 && first < 0xe0 ? 2 : 0;
  if (length === 0) return [replacement, 1];
  let code = first & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) {
    const next = bytes[at + i];
    if (next === undefined || (next & 0xc0) !== 0x80) return [replacement, i];
    code = (code << 6) | (next & 63);
    if (i === 1 && outOfRange(first, next)) return [replacement, 1];
  }
  return code < smallest[length]! ? [replacement, length] : [code, length];
}

/** Second bytes that would make an overlong form, a surrogate, or a code point past the last. */
function outOfRange(first: number, second: number): boolean {
  if (first === 0xe0) return second < 0xa0;
  if (first === 0xed) return second > 0x9f;
  if (first === 0xf0) return second < 0x90;
  return first === 0xf4 && second > 0x8f;
}
