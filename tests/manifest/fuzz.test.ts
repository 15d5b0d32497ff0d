// Random and mutated manifests: always an answer, every mistake with a place, a message and a hint. fast-check prints the
// seed of a failure.

import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Diagnostic } from '../../tools/manifest/diagnostic.ts';
import { diagnosticCodes } from '../../tools/manifest/diagnostic-codes.ts';
import { type Fields, plainActions, type Shape } from '../../tools/manifest/field.ts';
import { checkManifest } from '../../tools/manifest/load.ts';
import { manifestType } from '../../tools/manifest/schema.ts';
import { accessMatrix } from '../../tools/plan/access.ts';
import { memoryAccount } from '../../tools/plan/account.ts';
import { buildPlan } from '../../tools/plan/build.ts';
import { MemoryFiles } from './memory-files.ts';

const files = new MemoryFiles();
let accepted = 0;

/** Checks one text; what is accepted must plan as well. */
function answer(text: string, overrides: string[] = []): void {
  const result = checkManifest(text, 'fuzz.yaml', { files, overrides });
  if (result.ok) {
    accepted++;
    const plan = buildPlan(result.manifest);
    expect(memoryAccount(plan).usedBytes).toBeGreaterThan(0);
    accessMatrix(plan);
    return;
  }
  expect(result.diagnostics.length).toBeGreaterThan(0);
  for (const diagnostic of result.diagnostics) complete(diagnostic, text);
}

/** What a template lets through by mistake. */
const slips = ['undefined', 'NaN', '[object'];

function complete({ code, place, message, hint, related }: Diagnostic, text: string): void {
  const ok =
    code in diagnosticCodes &&
    place.line >= 1 &&
    place.column >= 1 &&
    message !== '' &&
    hint !== '' &&
    // The manifest itself may name something so.
    !slips.some((slip) => (message + hint).includes(slip) && !text.includes(slip)) &&
    related.every((each) => each.place.line >= 1 && each.place.column >= 1 && each.message !== '');
  if (!ok) throw new Error(`incomplete: ${JSON.stringify({ code, place, message, hint, related })}`);
}

const fixtures = (folder: string): string[] =>
  readdirSync(new URL(`./${folder}/`, import.meta.url))
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => readFileSync(new URL(`./${folder}/${name}`, import.meta.url), 'utf8'))
    .filter((text) => text.length < 6000);
const good = fixtures('good');
const corpus = [...good, ...fixtures('bad')];

/** Words that mean something somewhere, and some that never do. */
const vocabulary = [
  'a',
  'b',
  'linux',
  'servers/echo',
  'img/Image',
  'native',
  'vm',
  'posix',
  'rtos',
  'rpc',
  'stream',
  'queue',
  'sample',
  'notify',
  '4K',
  '64M',
  '1G',
  '10ms',
  '50us',
  '1s',
  '5/10s',
  'rw',
  'rwx',
  '0x50000000',
  '-1',
  '0',
  '1',
  '3',
  '255',
  '1e400',
  '.inf',
  '.nan',
  'null',
  '~',
  'true',
  "''",
  '[]',
  '{}',
  '[a, b]',
  '{a: 1}',
  '&x 1',
  '*x',
  '!!binary x',
  '<<',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  '\ud83d\ude00',
  '\u202e',
  '?',
  '|',
  '>',
  '-',
  ':',
];

const scalar = fc.oneof(fc.constantFrom(...vocabulary), fc.integer().map(String), fc.string({ maxLength: 8 }));

/** A value that a shape may accept, or nearly. */
function valueFor(shape: Shape, depth: number): fc.Arbitrary<string> {
  const right = rightValueFor(shape, depth);
  return fc.oneof({ weight: 40, arbitrary: right }, { weight: 1, arbitrary: scalar });
}

function rightValueFor(shape: Shape, depth: number): fc.Arbitrary<string> {
  const among = (...words: string[]) => fc.constantFrom(...words);
  switch (shape.kind) {
    case 'version':
      return fc.constant('1');
    case 'integer':
      return fc
        .oneof(
          fc.integer({ min: shape.min, max: Math.min(shape.max, shape.min + 4) }),
          fc.integer({ min: shape.min, max: shape.max }),
        )
        .map(String);
    case 'boolean':
      return among('true', 'false');
    case 'size':
      return among('4K', '64', '1M', '2M', '32M', '64M', '1G');
    case 'time':
      return among('1ms', '2ms', '10ms', '50us', '0', '1s');
    case 'rate':
      return among('1GHz', '10MHz', '1000Hz');
    case 'limit':
      return among('5/10s', '1/1ms');
    case 'address':
      return among('0x50000000', '0x50001000', '0x80000000', '0');
    case 'perms':
      return among('r', 'rw', 'rx', 'rwx');
    case 'action':
      return among(...plainActions, 'mode normal', 'mode safe');
    case 'hash':
      return fc.constant('0'.repeat(64));
    case 'choice':
      return among(...shape.of);
    case 'name':
    case 'string':
    case 'reference':
      return among('a', 'b', 'c', 'linux', 'normal');
    case 'path':
    case 'image':
      return among('servers/echo', 'img/Image', 'img/initrd', 'guests/pilot.elf', 'data/calib.bin', 'nowhere', 'a');
    case 'plain':
      return scalar;
    case 'list':
      return depth === 0
        ? fc.constant('[]')
        : fc.array(valueFor(shape.of, depth - 1), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`);
    case 'map': {
      const keys = shape.keys === 'hart' ? among('0', '1', '3') : among('a', 'b', 'c', 'linux', 'normal');
      return depth === 0
        ? fc.constant('{}')
        : fc.array(fc.tuple(keys, valueFor(shape.of, depth - 1)), { maxLength: 3 }).map(mapping);
    }
    case 'record':
      return recordOf(shape.fields, depth);
    case 'variants':
      return fc
        .constantFrom(...Object.keys(shape.of))
        .chain((tag) =>
          recordOf({ ...shape.common, ...shape.of[tag]!.fields }, depth).map(
            (text) => `{ ${shape.tag}: ${tag}, ${text.slice(1)}`,
          ),
        );
    default:
      return shape satisfies never;
  }
}

const mapping = (entries: readonly (readonly [string, string])[]): string =>
  `{ ${entries.map(([key, value]) => `${key}: ${value}`).join(', ')} }`;

/** Required fields nearly always, others now and then. */
function recordOf(fields: Fields, depth: number): fc.Arbitrary<string> {
  const parts = Object.entries(fields).map(([name, field]): fc.Arbitrary<[string, string] | null> => {
    const absent = { weight: field.required ? 1 : depth > 0 ? 15 : 1, arbitrary: fc.constant(null) };
    if (!field.required && depth === 0) return absent.arbitrary;
    const value = valueFor(field.type.shape, depth - 1);
    return fc.oneof(absent, {
      weight: field.required ? 60 : 5,
      arbitrary: value.map((text): [string, string] => [name, text]),
    });
  });
  return fc.tuple(...parts).map((found) => mapping(found.filter((each) => each !== null)));
}

const top = (manifestType.shape as Extract<Shape, { kind: 'record' }>).fields;
const grammatical = fc
  .tuple(
    ...Object.entries(top).map(([name, field]) => valueFor(field.type.shape, 5).map((value) => `${name}: ${value}\n`)),
  )
  .map((lines) => lines.join(''));

/** A few edits of a fixture: characters, words, lines. */
const mutated = fc
  .tuple(
    fc.oneof(fc.constantFrom(...good), fc.constantFrom(...corpus)),
    fc.array(fc.tuple(fc.constantFrom('cut', 'insert', 'word', 'line', 'swap'), fc.nat(), fc.nat(), scalar), {
      minLength: 1,
      maxLength: 6,
    }),
  )
  .map(([start, edits]) => edits.reduce((text, [kind, a, b, word]) => mutate(text, kind, a, b, word), start));

function mutate(text: string, kind: string, a: number, b: number, word: string): string {
  const at = a % (text.length + 1);
  const lines = text.split('\n');
  switch (kind) {
    case 'cut':
      return text.slice(0, at) + text.slice(at + (b % 12));
    case 'insert':
      return text.slice(0, at) + word + text.slice(at);
    case 'word': {
      const words = [...text.matchAll(/[\w./]+/g)];
      const chosen = words[a % words.length]!;
      return text.slice(0, chosen.index) + word + text.slice(chosen.index + chosen[0].length);
    }
    case 'line':
      return [...lines.slice(0, a % lines.length), lines[b % lines.length], ...lines.slice(a % lines.length)].join(
        '\n',
      );
    default: {
      const [i, j] = [a % lines.length, b % lines.length];
      [lines[i], lines[j]] = [lines[j]!, lines[i]!];
      return lines.join('\n');
    }
  }
}

test('five thousand mutated manifests each get an answer, and those that are still right are planned', () => {
  accepted = 0;
  fc.assert(
    fc.property(mutated, (text) => answer(text)),
    { numRuns: 5000 },
  );
  expect(accepted).toBeGreaterThan(20);
});

test('two thousand five hundred manifests made from the schema each get an answer', () => {
  fc.assert(
    fc.property(grammatical, (text) => answer(text)),
    { numRuns: 2500 },
  );
});

test('two thousand random texts each get an answer', () => {
  fc.assert(
    fc.property(
      fc.array(scalar, { maxLength: 30 }).map((words) => words.join(' ')),
      (text) => answer(text),
    ),
    { numRuns: 2000 },
  );
});

test('a thousand random overrides each get an answer', () => {
  const step = fc.oneof(
    fc.constantFrom(
      'cells',
      'linux',
      'memory',
      'channels',
      '0',
      'disk',
      'schedule',
      'modes',
      'normal',
      '3',
      'windows',
      'seed',
      '',
    ),
    scalar,
  );
  const override = fc
    .tuple(fc.array(step, { maxLength: 5 }), scalar)
    .map(([steps, value]) => `${steps.join('.')}=${value}`);
  fc.assert(
    fc.property(fc.constantFrom(...corpus), fc.array(override, { maxLength: 3 }), (text, overrides) =>
      answer(text, overrides),
    ),
    { numRuns: 1000 },
  );
});

test('what nests or repeats without end is answered in time', () => {
  answer('['.repeat(20_000));
  answer(`a: ${'{b: '.repeat(5000)}`);
  answer(`${'- '.repeat(5000)}x`);
  answer(Array.from({ length: 5000 }, (_, i) => `${' '.repeat(i % 90)}k${i}:`).join('\n'));
  const bomb = [
    'l0: &l0 [x, x, x, x, x, x, x, x, x]',
    ...Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}]`),
  ]
    .map((line) => `      ${line}`)
    .join('\n');
  answer(
    `schema: 1\nsystem: { name: x }\ncells:\n  a:\n    kind: native\n    program: servers/echo\n    priority: 1\n    config:\n${bomb}\n`,
  );
  answer('schema: 1\nsystem: &s { name: x }\ncells: &c { a: *c, b: *s }\n');
});
