// Consoles of cells: the filter of control sequences, and the marks of the console server taken off again.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConsoleLines } from '../../tools/run/console-lines.ts';
import { PlainText } from '../../tools/run/plain-text.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const plain = (text: string): string => new PlainText().filter(bytes(text));
/** C0 but for tab and line feed, DEL, and C1. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const control = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;

describe('the filter for guest output', () => {
  test('lets text, tabs and line feeds pass, in any language', () => {
    expect(plain('héllo, 世界\tπ 😀\n')).toBe('héllo, 世界\tπ 😀\n');
    expect(plain('one\r\ntwo')).toBe('one\ntwo');
  });

  test.each([
    ['colours', '\x1b[31;1mred\x1b[0m', 'red'],
    ['cursor movement', 'a\x1b[2J\x1b[1;1Hb', 'ab'],
    ['a window title', '\x1b]0;title\x07text', 'text'],
    ['a title that ends with ST', '\x1b]2;title\x1b\\text', 'text'],
    ['a device control string', '\x1bP1$r0m\x1b\\text', 'text'],
    ['a character set', '\x1b(Btext', 'text'],
    ['a reset', '\x1bctext', 'text'],
    ['C1 control sequences', 'a\u009b31mb\u0090', 'a31mb'],
    ['bells and deletes', 'a\x07b\x7fc\x08', 'abc'],
  ])('removes %s', (_what, input, output) => {
    expect(plain(input)).toBe(output);
  });

  test('never lets a control character out, nor depends on the pieces', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.constantFrom('\x1b[', '\x1b]', '\x1bP', '\x1b\\', '\x07', '\x1b', '\u009b', '31m', 'text', 'ü').map(bytes),
      fc.constantFrom([0xc2], [0x9b], [0xe2, 0x82], [0xff]).map((each) => Uint8Array.from(each)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const split = new PlainText();
        const inPieces = pieces.map((each) => split.filter(each)).join('');
        const whole = new PlainText().filter(Uint8Array.from(pieces.flatMap((each) => [...each])));
        expect(whole).not.toMatch(control);
        expect(inPieces).toBe(whole);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('the console of all cells', () => {
  const split = (...pieces: string[]): Record<string, string> => {
    const texts: Record<string, string> = {};
    const lines = new ConsoleLines(['linux', 'store'], (cell, text) => {
      texts[cell] = (texts[cell] ?? '') + text;
    });
    for (const piece of pieces) lines.write(piece);
    return texts;
  };

  test('is taken apart by the marks at the beginning of its lines', () => {
    expect(split('[linux] one\n[store] two\n[linux] three')).toEqual({ linux: 'one\nthree', store: 'two\n' });
    expect(split('[li', 'nux', '] o', 'ne\n')).toEqual({ linux: 'one\n' });
  });

  test('leaves out lines without a mark, or with that of no cell', () => {
    expect(split('hello\n[other] x\n [linux] y\n[linux]z\n[store] kept\n')).toEqual({ store: 'kept\n' });
  });

  test('is not deceived by a mark inside of a line', () => {
    expect(split('[linux] a [store] b\n')).toEqual({ linux: 'a [store] b\n' });
    expect(split(`${'x'.repeat(1000)}[store] b\n`)).toEqual({});
  });
});
