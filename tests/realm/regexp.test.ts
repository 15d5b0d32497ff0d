// The realm's regular expressions against the engine's own.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluateInRealm, loadInline } from './inline-server.ts';

// Outside of a realm there is no meter: one stands in that only stops what would explode in the engine as well.
class Explosion extends Error {}
let steps = 0;
const free = {
  charge() {
    if (++steps > 500_000) throw new Explosion();
  },
  grow() {},
  left: () => 0,
  bytesLeft: () => 0,
  text: (text: string) => text,
  born: <T>(value: T) => value,
  setKind: () => 'budget',
  noModuleState() {},
};
(globalThis as unknown as { $meter: object }).$meter = free;
const { RealmRegExp, regExpMethods } = await import('../../guests/realm/regexp.ts');

interface Shown {
  strings: (string | undefined)[];
  index: number;
  groups: Record<string, string | undefined> | undefined;
}
function shown(match: (string | undefined)[] & { index?: number; groups?: object | undefined }): Shown;
function shown(match: null): null;
function shown(match: ((string | undefined)[] & { index?: number; groups?: object | undefined }) | null): Shown | null;
function shown(match: ((string | undefined)[] & { index?: number; groups?: object | undefined }) | null): Shown | null {
  if (match === null) return null;
  return {
    strings: [...match],
    index: match.index ?? -1,
    groups: match.groups && { ...(match.groups as Record<string, string>) },
  };
}

const method = <K extends keyof typeof regExpMethods>(name: K, text: string, ...args: unknown[]): unknown =>
  (regExpMethods[name] as (this: unknown, ...args: unknown[]) => unknown).apply(text, args);

/**
 * What replacing with "<$1|$&|$`|$'|$$>" gives, one exec at a time: the engine's own global replace is now and then wrong
 * when a group that took no part follows one that did, as in /(?:(é)|(?:\\1)a)|/gu.
 */
function replaced(text: string, native: RegExp): string {
  let result = '';
  let copied = 0;
  native.lastIndex = native.sticky && !native.global ? native.lastIndex : 0;
  for (let match = native.exec(text); match !== null; match = native.global ? native.exec(text) : null) {
    const end = match.index + match[0].length;
    const group = match.length > 1 ? (match[1] ?? '') : '$1';
    result += `${text.slice(copied, match.index)}<${group}|${match[0]}|${text.slice(0, match.index)}|${text.slice(end)}|$>`;
    copied = end;
    if (match[0] === '') native.lastIndex += native.unicode && text.codePointAt(end)! > 0xffff ? 2 : 1;
  }
  return result + text.slice(copied);
}

function same(pattern: string, flags: string, text: string): void {
  let native: RegExp;
  try {
    native = new RegExp(pattern, flags);
  } catch {
    return;
  }
  // Annex B reads \1 without a group as an octal escape; a realm refuses it.
  if (pattern.includes('\\1') && !/\((?!\?)/.test(pattern.replaceAll('(?:\\1)', ''))) return;
  const ours = new RealmRegExp(pattern, flags);
  const label = `/${pattern}/${flags} on ${JSON.stringify(text)}`;
  for (let round = 0; round < 3; round++) {
    expect(shown(ours.exec(text)), label).toEqual(shown(native.exec(text)));
    expect(ours.lastIndex, label).toBe(native.lastIndex);
  }
  native.lastIndex = ours.lastIndex = 0;
  expect(method('split', text, ours), label).toEqual(text.split(native));
  expect(method('replace', text, ours, "<$1|$&|$`|$'|$$>"), label).toBe(replaced(text, native));
  expect(method('search', text, ours), label).toBe(text.search(native));
  native.lastIndex = ours.lastIndex = 0;
  const matched = method('match', text, ours) as string[] | null;
  const expected = text.match(native);
  expect(matched && [...matched], label).toEqual(expected && [...expected]);
}

describe('A regular expression matches exactly like the engine', () => {
  test.each([
    ['(a*)*', '', 'b'],
    ['(z)((a+)?(b+)?(c))*', '', 'zaacbbbcac'],
    ['(?=(a+))a*b\\1', '', 'baaabac'],
    ['(.*?)a(?!(a+)b\\2c)\\2(.*)', '', 'baaabaac'],
    ['(?<=\\$)\\d+(\\.\\d*)?', '', 'cost $10.53'],
    ['(?<=(\\d+)(\\d+))$', '', '1053'],
    ['(?<!a)b', 'g', 'ab b cb'],
    ['(?<year>\\d{4})-(?<month>\\d\\d)', '', 'on 2024-05-17'],
    ['\\k<x>(?<x>a)', '', 'aa'],
    ['^.$', 'm', 'ab\nc\ndd'],
    ['^.$', 's', '\n'],
    ['.', 'u', '😀'],
    ['[^a]', 'u', '😀'],
    ['\\u{1F600}+', 'u', '😀😀'],
    ['[\\u{1F600}-\\u{1F610}]', 'gu', 'a😁b😂'],
    ['(?<=😀)a', 'u', '😀a'],
    ['\\bfoo\\b', 'i', 'a FOO b'],
    ['[A-Z]+', 'i', 'hello'],
    ['[^a-z]', 'i', 'Q1'],
    ['µ', 'i', 'μ'],
    ['ſ', 'i', 's'],
    ['\\w', 'i', 'ſ'],
    ['a{2,3}?', 'g', 'aaaaa'],
    ['(?:a|ab)(?:c|bcd)(d*)', '', 'abcd'],
    ['((a)|(b))*', '', 'ab'],
    ['(?:(a)|b)*', '', 'ab'],
    ['a|', 'g', 'bab'],
    ['', 'g', 'ab'],
    ['', 'gu', '😀b'],
    ['x{', '', 'x{'],
    ['a{,2}', '', 'a{,2}'],
    [']', '', ']'],
    ['[]', '', 'a'],
    ['[^]', '', '\n'],
    ['[\\b]', '', '\b'],
    ['\\cA\\x41\\u0042\\0', '', '\x01AB\0'],
    ['[\\d-x]+', '', '1-x'],
    ['a(?=b)b', 'y', 'aab'],
    ['(?:)', 'y', 'x'],
  ])('/%s/%s', (pattern, flags, text) => same(pattern, flags, text));

  test('in random patterns over random texts', () => {
    const atom = fc.oneof(
      fc.constantFrom(
        'a',
        'b',
        'c',
        '.',
        '\\w',
        '\\d',
        '\\s',
        '[ab]',
        '[^a]',
        '[a-c]',
        '^',
        '$',
        '\\b',
        '\\B',
        '(?:\\1)',
        '\\n',
        'é',
        '1',
        ' ',
      ),
    );
    const pattern = fc.letrec<{ term: string; sequence: string; choice: string }>((tie) => ({
      term: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        atom,
        fc
          .tuple(fc.constantFrom('(', '(?:', '(?=', '(?!', '(?<=', '(?<!'), tie('choice'))
          .map(([open, inner]) => `${open}${inner})`),
        fc
          .tuple(atom, fc.constantFrom('*', '+', '?', '*?', '+?', '??', '{2}', '{1,2}', '{0,1}?'))
          .map(([inner, quantifier]) => `(?:${inner})${quantifier}`),
        fc
          .tuple(tie('choice'), fc.constantFrom('*', '+', '?', '*?', '{1,2}'))
          .map(([inner, quantifier]) => `(${inner})${quantifier}`),
      ),
      sequence: fc.array(tie('term'), { maxLength: 3 }).map((terms) => terms.join('')),
      choice: fc.array(tie('sequence'), { minLength: 1, maxLength: 2 }).map((options) => options.join('|')),
    })).choice;
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'A', '1', ' ', '\n', 'é', '_'), maxLength: 10 });
    const flags = fc.constantFrom('', 'g', 'i', 'm', 's', 'y', 'gi', 'gm', 'u', 'gu', 'gy');
    fc.assert(
      fc.property(pattern, flags, text, (source, flag, input) => {
        steps = 0;
        try {
          same(source, flag, input);
        } catch (error) {
          if (!(error instanceof Explosion)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });
});

test('Named groups, callbacks and $<name> replace as they should', () => {
  const body = `
    const swapped = '2024-05'.replace(/(?<y>\\d+)-(?<m>\\d+)/, '$<m>/$<y>');
    const upper = 'a-b'.replace(/[a-z]/g, (letter) => letter.toUpperCase());
    const found = [...'a1b22'.matchAll(/[a-z](\\d+)/g)].map((match) => match[1]);
    return [swapped, upper, found.join(), 'a.b.c'.replaceAll('.', '-'), 'aXbX'.split('X').length, 'x'.search(/y/)].join(' ');`;
  expect(evaluateInRealm(body)).toBe('05/2024 A-B 1,22 a-b-c 3 -1');
});

test('An expression that a realm does not support is refused when the module is evaluated', () => {
  const result = loadInline('const letters = /\\p{L}/u;\nexport default server({ init() { letters.test(""); } });');
  expect(result.ok).toBe(false);
  if (!result.ok) expect(result.diagnostics[0]).toMatchObject({ code: 'regexp', line: 2 });
});
