// What a run is told to expect and to type: the two little languages, and who follows them.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../tools/refusal.ts';
import { ConsoleEnd, keptBytes } from '../../tools/run/console-end.ts';
import { Expectations, parseExpectation, parseTyping, Typist } from '../../tools/run/expectation.ts';

const cells = ['linux', 'store'];
const refused = (act: () => unknown): Refusal => {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('it was accepted');
};

describe('an expectation', () => {
  test('is a cell and a regular expression, with flags', () => {
    expect(parseExpectation('linux:/login:/', cells)).toMatchObject({ cell: 'linux', pattern: /login:/ });
    expect(parseExpectation('store:/a/b$/im', cells).pattern).toEqual(/a\/b$/im);
  });

  test.each(['', 'linux', 'linux:', 'linux:login', 'linux:/login', '/login/', 'linux:/login/g', 'linux:/a/x'])(
    'that reads %j is a usage error which says how to write it',
    (text) => {
      expect(refused(() => parseExpectation(text, cells))).toMatchObject({ kind: 'usage', hint: expect.any(String) });
    },
  );

  test('of an unknown cell, or with a broken pattern, says so', () => {
    const unknown = refused(() => parseExpectation('lunix:/a/', cells));
    expect(unknown.message).toContain('there is no cell lunix');
    expect(unknown.hint).toContain('linux, store');
    expect(refused(() => parseExpectation('linux:/(/', cells)).message).toContain('--expect linux:/(/');
  });

  test('is met once its text has been seen, whatever the pieces, in its own cell', () => {
    const followed = new Expectations([
      parseExpectation('linux:/login:/', cells),
      parseExpectation('store:/ok/', cells),
    ]);
    for (const piece of ['lo', 'g', 'in', ': ']) followed.see('linux', piece);
    followed.see('linux', 'ok');
    expect(followed.met).toBe(false);
    expect(followed.missing.map(({ text }) => text)).toEqual(['store:/ok/']);
    followed.see('store', 'ok');
    expect(followed.met).toBe(true);
    expect(followed.tail('linux', 2)).toEqual(['login: ok']);
    expect(followed.tail('nobody', 2)).toEqual(['']);
  });
});

describe('the end of a console', () => {
  test('is what was written last, whatever the pieces, from the beginning of a character on', () => {
    const pieces = fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 30 });
    fc.assert(
      fc.property(pieces, fc.nat({ max: 3 }), (texts, shift) => {
        const end = new ConsoleEnd();
        const before = `${'x'.repeat(shift)}${'é'.repeat(keptBytes / 2)}`;
        end.add(before);
        for (const text of texts) end.add(text);
        const whole = Buffer.from(before + texts.join(''));
        let from = Math.max(0, whole.length - keptBytes);
        while ((whole[from]! & 0xc0) === 0x80) from++;
        expect(end.text).toBe(whole.toString('utf8', from));
      }),
      { numRuns: 20 },
    );
  });

  test('takes no more of the host however long a guest writes, byte by byte or much at once', () => {
    const end = new ConsoleEnd();
    let most = 0;
    for (let i = 0; i < 5 * keptBytes; i++) {
      end.add(i % 80 === 79 ? '\n' : 'a');
      most = Math.max(most, end.heldBytes);
    }
    expect(most).toBe(2 * keptBytes);
    for (let i = 0; i < 10; i++) end.add('b'.repeat(3 * keptBytes));
    expect(end.text).toBe('b'.repeat(keptBytes));
    expect(end.heldBytes).toBeLessThanOrEqual(4 * keptBytes);
    end.clear();
    expect(end.text).toBe('');
  });
});

describe('typing', () => {
  test('is a cue and a text, in which \\n, \\t and \\\\ are keys', () => {
    expect(parseTyping('linux:/\\$ $/ls\\n', cells)).toMatchObject({
      cell: 'linux',
      pattern: /\$ $/,
      keys: 'ls\n',
    });
    expect(parseTyping('linux:/a\\/b/cat /proc/x\\t\\\\n\\n', cells)).toMatchObject({
      pattern: /a\/b/,
      keys: 'cat /proc/x\t\\n\n',
    });
    expect(parseTyping('linux:/go/', cells).keys).toBe('');
  });

  test('that has no cue, or one of an unknown cell, is a usage error of --type', () => {
    expect(refused(() => parseTyping('linux:ls', cells)).message).toContain('--type linux:ls');
    expect(refused(() => parseTyping('other:/a/b', cells)).message).toContain('there is no cell other');
  });

  test('happens in order, each text after a new sight of its cue', () => {
    const typed: string[] = [];
    const script = ['linux:/\\$ /one', 'linux:/\\$ /two', 'store:/x/three'].map((text) => parseTyping(text, cells));
    const typist = new Typist(script, (keys) => typed.push(keys));
    typist.see('store', 'x');
    typist.see('linux', '$ ');
    expect(typed).toEqual(['one']);
    typist.see('linux', 'one');
    typist.see('linux', '$');
    expect(typed).toEqual(['one']);
    typist.see('linux', ' ');
    typist.see('linux', '$ ');
    expect(typed).toEqual(['one', 'two']);
    expect(typist.missing.map(({ keys }) => keys)).toEqual(['three']);
    typist.see('store', 'x');
    expect(typist.missing).toEqual([]);
  });

  test('and expecting refuse any text politely', () => {
    const parse = (text: string, how: typeof parseExpectation): void => {
      try {
        how(text, cells);
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
      }
    };
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.tuple(fc.constantFrom(...cells), fc.string()).map(([cell, rest]) => `${cell}:/${rest}`),
      fc.tuple(fc.constantFrom(...cells), fc.string()).map(([cell, rest]) => `${cell}:/${rest}/`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        parse(text, parseExpectation);
        parse(text, parseTyping);
      }),
      { numRuns: 2000 },
    );
  });
});
