// Reads a document against the schema: values with units taken apart, defaults put in, every mistake of shape noted.
// What is wrong or absent is undefined in the result, so that the rules about meaning can still look at the rest.

import { isMap, isScalar, isSeq, parseDocument, type YAMLMap } from 'yaml';
import { type Diagnostic, type DocumentPath, formatPath, type Place } from './diagnostic.ts';
import type { DiagnosticCode } from './diagnostic-codes.ts';
import type { Field, Fields, Plain, Shape } from './field.ts';
import { nearest, suggest } from './nearest.ts';
import { type Concrete, keyText, type Source } from './source.ts';
import {
  formatSize,
  formatTime,
  parseAction,
  parseAddress,
  parseLimit,
  parsePerms,
  parseRate,
  parseSize,
  parseTime,
  type Quantity,
} from './units.ts';
import { describe, exampleOf, lowerFirst, nounOf, quote, text } from './wording.ts';

const maxPlainNodes = 10_000;
const maxPlainDepth = 32;
const namePattern = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;

/** Where the values of a document stand, by path. */
export class Places {
  readonly #nodes = new Map<string, { key: unknown; value: unknown }>();

  constructor(readonly source: Source) {}

  note(path: DocumentPath, key: unknown, value: unknown): void {
    this.#nodes.set(path.join('/'), { key, value });
  }

  has(path: DocumentPath): boolean {
    return this.#nodes.has(path.join('/'));
  }

  /** The place of a value, or of its key; of the nearest thing around it when it isn't written (a default). */
  of(path: DocumentPath, which: 'key' | 'value' = 'value'): Place {
    for (let length = path.length; length >= 0; length--) {
      const found = this.#nodes.get(path.slice(0, length).join('/'));
      if (found === undefined) continue;
      const exact = length === path.length;
      const node = (which === 'key' || !exact) && found.key !== undefined ? found.key : (found.value ?? found.key);
      return this.source.placeOf(node, formatPath(path));
    }
    return this.source.placeOf(undefined, formatPath(path));
  }
}

export interface ReadResult {
  value: unknown;
  places: Places;
  problems: Diagnostic[];
}

/** Reads the whole document as `shape`. */
export function readDocument(source: Source, shape: Shape): ReadResult {
  const reader = new Reader(source);
  reader.places.note([], undefined, source.root);
  const value = reader.read(shape, source.root, []);
  return { value, places: reader.places, problems: reader.problems };
}

class Reader {
  readonly problems: Diagnostic[] = [];
  readonly places: Places;
  readonly #defaults = new Map<Field, unknown>();

  constructor(readonly source: Source) {
    this.places = new Places(source);
  }

  read(shape: Shape, node: unknown, path: DocumentPath): unknown {
    const concrete = this.source.resolve(node);
    const problem = (code: DiagnosticCode, message: string, hint: string): undefined =>
      this.#problem(code, this.places.of(path), message, hint);
    switch (shape.kind) {
      case 'record':
        return this.#record(shape.fields, shape.what, concrete, path);
      case 'variants': {
        if (!isMap(concrete)) return this.#wrong(shape, concrete, path);
        const tagNode = concrete.items.find((item) => keyText(item.key) === shape.tag);
        if (tagNode === undefined) {
          return problem(
            'missing-key',
            `this ${shape.what} has no ${shape.tag}`,
            `${shape.tag}s: ${Object.keys(shape.of).join(', ')}`,
          );
        }
        const tagPath = this.#noteField(tagNode, path, shape.tag);
        const tag = this.read({ kind: 'choice', of: Object.keys(shape.of) }, tagNode.value, tagPath);
        if (typeof tag !== 'string') return undefined;
        const tagField = {
          type: { shape: { kind: 'string' as const } },
          doc: shape.tagDoc,
          required: true,
          default: undefined,
        };
        const fields = { [shape.tag]: tagField, ...shape.common, ...shape.of[tag]!.fields };
        return this.#record(fields, `${shape.what} of ${shape.tag} ${tag}`, concrete, path, shape);
      }
      case 'map':
        return this.#map(shape, concrete, path);
      case 'list':
        return this.#list(shape, concrete, path);
      case 'plain':
        return this.#plain(concrete, path);
      case 'boolean':
        return isScalar(concrete) && typeof concrete.value === 'boolean'
          ? concrete.value
          : this.#wrong(shape, concrete, path);
      case 'integer': {
        if (!isScalar(concrete) || typeof concrete.value !== 'number' || !Number.isInteger(concrete.value))
          return this.#wrong(shape, concrete, path);
        const why = shape.why === undefined ? '' : `: ${shape.why}`;
        if (concrete.value < shape.min || concrete.value > shape.max) {
          return problem(
            'out-of-range',
            `${text(concrete)} is outside ${shape.min} to ${shape.max}${why}`,
            `write a number from ${shape.min} to ${shape.max}`,
          );
        }
        return concrete.value;
      }
      case 'version':
        if (!isScalar(concrete) || typeof concrete.value !== 'number') return this.#wrong(shape, concrete, path);
        if (concrete.value === shape.only) return shape.only;
        return problem(
          'schema-version',
          `schema version ${text(concrete)} is not known`,
          `write schema: ${shape.only}`,
        );
      case 'size': {
        const bytes = this.#quantity(shape, concrete, path, parseSize);
        if (bytes === undefined || (bytes >= shape.min && bytes <= shape.max)) return bytes;
        const why = shape.why === undefined ? '' : `: ${shape.why}`;
        return problem(
          'out-of-range',
          `${text(concrete)} is outside ${formatSize(shape.min)} to ${formatSize(shape.max)}${why}`,
          `write a size from ${formatSize(shape.min)} to ${formatSize(shape.max)}`,
        );
      }
      case 'time': {
        const ns = this.#quantity(shape, concrete, path, parseTime);
        if (ns === undefined || ns >= shape.min) return ns;
        return problem('out-of-range', `${text(concrete)} is too short`, `write at least ${formatTime(shape.min)}`);
      }
      case 'rate': {
        const hertz = this.#quantity(shape, concrete, path, parseRate);
        if (hertz !== 0) return hertz;
        return problem('out-of-range', 'a rate of zero never ticks', 'write a rate such as 10MHz');
      }
      case 'limit':
        return this.#quantity(shape, concrete, path, parseLimit);
      case 'address':
        return this.#quantity(shape, concrete, path, parseAddress);
      case 'perms':
        return this.#quantity(shape, concrete, path, parsePerms);
      case 'action':
        return this.#quantity(shape, concrete, path, parseAction);
      case 'string':
        return isScalar(concrete) && typeof concrete.value === 'string'
          ? concrete.value
          : this.#wrong(shape, concrete, path);
      case 'hash':
        if (isScalar(concrete) && /^[0-9a-fA-F]{64}$/.test(text(concrete))) return text(concrete).toLowerCase();
        return this.#wrong(shape, concrete, path);
      case 'path':
      case 'image':
        if (
          isScalar(concrete) &&
          typeof concrete.value === 'string' &&
          concrete.value !== '' &&
          !concrete.value.includes('\0')
        )
          return concrete.value;
        return this.#wrong(shape, concrete, path);
      case 'name':
        if (!isScalar(concrete) || typeof concrete.value !== 'string') return this.#wrong(shape, concrete, path);
        return namePattern.test(concrete.value) ? concrete.value : this.#badName(concrete.value, this.places.of(path));
      case 'reference':
        return isScalar(concrete) && typeof concrete.value === 'string'
          ? concrete.value
          : this.#wrong(shape, concrete, path);
      case 'choice': {
        if (!isScalar(concrete)) return this.#wrong(shape, concrete, path);
        const word = text(concrete);
        if (shape.of.includes(word)) return word;
        return problem(
          'unknown-choice',
          `${quote(word)} is none of the words that ${formatPath(path)} takes`,
          suggest(word, shape.of, 'words'),
        );
      }
      default:
        return shape satisfies never;
    }
  }

  #record(
    fields: Fields,
    what: string,
    node: Concrete | undefined,
    path: DocumentPath,
    family?: Extract<Shape, { kind: 'variants' }>,
  ): unknown {
    if (!isMap(node)) return this.#wrong({ kind: 'record', fields, what }, node, path);
    const seen = this.#keys(node, path);
    const result: Record<string, unknown> = {};
    for (const [key, item] of seen) {
      const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
      const fieldPath = this.#noteField(item, path, key);
      if (field === undefined) {
        const owner =
          family && Object.entries(family.of).find(([, variant]) => Object.hasOwn(variant.fields, key))?.[0];
        const hint =
          owner === undefined
            ? suggest(key, Object.keys(fields), 'fields')
            : `'${key}' belongs to ${family!.what}s of ${family!.tag} ${owner}`;
        this.#problem('unknown-key', this.places.of(fieldPath, 'key'), `a ${what} has no field ${quote(key)}`, hint);
      } else if (family === undefined || key !== family.tag) {
        result[key] = this.read(field.type.shape, item.value, fieldPath);
      } else {
        result[key] = keyText(this.source.resolve(item.value));
      }
    }
    for (const [key, field] of Object.entries(fields)) {
      if (seen.has(key)) continue;
      if (field.default !== undefined) result[key] = this.#default(field);
      else if (field.required) {
        const near = nearest(
          key,
          [...seen.keys()].filter((each) => !Object.hasOwn(fields, each)),
        );
        const hint = near === undefined ? `add ${key}: ${lowerFirst(field.doc)}` : `is '${near}' meant to be '${key}'?`;
        this.#problem('missing-key', this.places.of(path), `this ${what} has no ${key}`, hint);
      } else result[key] = undefined;
    }
    return result;
  }

  #map(shape: Extract<Shape, { kind: 'map' }>, node: Concrete | undefined, path: DocumentPath): unknown {
    if (!isMap(node)) return this.#wrong(shape, node, path);
    const result = new Map<string, unknown>();
    for (const [key, item] of this.#keys(node, path)) {
      const fieldPath = this.#noteField(item, path, key);
      const value = this.read(shape.of, item.value, fieldPath);
      if (shape.keys === 'name' && !namePattern.test(key)) this.#badName(key, this.places.of(fieldPath, 'key'));
      else if (shape.keys === 'hart' && !/^[0-7]$/.test(key)) {
        this.#problem(
          'out-of-range',
          this.places.of(fieldPath, 'key'),
          `${quote(key)} is no hart`,
          'harts are numbered 0 to 7',
        );
      } else result.set(key, value);
    }
    return result;
  }

  #list(shape: Extract<Shape, { kind: 'list' }>, node: Concrete | undefined, path: DocumentPath): unknown {
    if (!isSeq(node)) {
      if (shape.orOne && isScalar(node) && node.value !== null) {
        this.places.note([...path, 0], undefined, node);
        return [this.read(shape.of, node, path)];
      }
      return this.#wrong(shape, node, path);
    }
    if (node.items.length < shape.min || node.items.length > shape.max) {
      const range =
        shape.max === Number.POSITIVE_INFINITY
          ? `at least ${shape.min}`
          : shape.min === shape.max
            ? `exactly ${shape.min}`
            : `${shape.min} to ${shape.max}`;
      this.#problem('out-of-range', this.places.of(path), `the list has ${node.items.length} items`, `write ${range}`);
    }
    const seen = new Map<string, DocumentPath>();
    const isSet = shape.of.kind === 'reference' || shape.of.kind === 'choice';
    return node.items.map((item, index) => {
      const itemPath = [...path, index];
      this.places.note(itemPath, undefined, item);
      const value = this.read(shape.of, item, itemPath);
      if (isSet && typeof value === 'string') {
        const first = seen.get(value);
        if (first !== undefined) {
          const related = [{ place: this.places.of(first), message: 'here first' }];
          this.#problem(
            'listed-twice',
            this.places.of(itemPath),
            `${quote(value)} is listed twice`,
            'remove one',
            related,
          );
        }
        seen.set(value, itemPath);
      }
      return value;
    });
  }

  /** The keys of a mapping in order; duplicates and keys that are no words are noted and left out. */
  #keys(node: YAMLMap, path: DocumentPath): Map<string, { key: unknown; value: unknown }> {
    const seen = new Map<string, { key: unknown; value: unknown }>();
    for (const item of node.items) {
      const key = keyText(this.source.resolve(item.key));
      if (key === undefined) {
        const place = this.source.placeOf(item.key ?? node, formatPath(path));
        this.#problem('wrong-type', place, 'a key is a word, not a list or mapping', 'write key: value');
        continue;
      }
      const first = seen.get(key);
      if (first !== undefined) {
        const full = formatPath([...path, key]);
        const related = [{ place: this.source.placeOf(first.key, full), message: 'here first' }];
        this.#problem(
          'duplicate-key',
          this.source.placeOf(item.key, full),
          `${quote(key)} appears twice`,
          'remove or rename one',
          related,
        );
        continue;
      }
      seen.set(key, item);
    }
    return seen;
  }

  #plain(node: Concrete | undefined, path: DocumentPath): Plain | undefined {
    let count = 0;
    const convert = (each: Concrete | undefined, depth: number): Plain => {
      if (++count > maxPlainNodes || depth > maxPlainDepth) throw new TooMuch();
      if (isScalar(each)) {
        const value = each.value;
        return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
          ? value
          : text(each);
      }
      if (isSeq(each)) return each.items.map((item) => convert(this.source.resolve(item), depth + 1));
      if (isMap(each)) {
        return Object.fromEntries(
          [...this.#keys(each, path)].map(([key, item]) => [key, convert(this.source.resolve(item.value), depth + 1)]),
        );
      }
      return null;
    };
    try {
      return convert(node, 0);
    } catch (error) {
      if (!(error instanceof TooMuch)) throw error;
      return this.#problem(
        'out-of-range',
        this.places.of(path),
        'this is more data than a cell is configured with',
        `at most ${maxPlainNodes} values, nested at most ${maxPlainDepth} deep`,
      );
    }
  }

  #quantity<T>(
    shape: Shape,
    node: Concrete | undefined,
    path: DocumentPath,
    parse: (text: string) => Quantity<T>,
  ): T | undefined {
    if (!isScalar(node) || node.value === null || typeof node.value === 'boolean')
      return this.#wrong(shape, node, path);
    const quantity = parse(text(node).trim());
    if (quantity.ok) return quantity.value;
    const message =
      quantity.wrong === 'unit'
        ? `${quote(text(node))} has no unit that fits`
        : `${quote(text(node))} is not ${nounOf(shape)}`;
    return this.#problem(
      quantity.wrong === 'unit' ? 'wrong-unit' : 'wrong-type',
      this.places.of(path),
      message,
      quantity.hint,
    );
  }

  #noteField(item: { key: unknown; value: unknown } | undefined, path: DocumentPath, key: string): DocumentPath {
    const fieldPath = [...path, key];
    if (item !== undefined) this.places.note(fieldPath, item.key, item.value ?? item.key);
    return fieldPath;
  }

  #default(field: Field): unknown {
    if (!this.#defaults.has(field)) {
      const node = parseDocument(field.default!).contents;
      this.#defaults.set(field, new Reader(this.source).read(field.type.shape, node, []));
    }
    return this.#defaults.get(field);
  }

  #badName(name: string, place: Place): undefined {
    return this.#problem(
      'bad-name',
      place,
      `${quote(name)} is no name`,
      'letters, digits, - and _; a letter first; at most 63',
    );
  }

  #wrong(shape: Shape, node: Concrete | undefined, path: DocumentPath): undefined {
    return this.#problem(
      'wrong-type',
      this.places.of(path),
      `${formatPath(path) || 'the manifest'} needs ${nounOf(shape)}, not ${describe(node)}`,
      exampleOf(shape),
    );
  }

  #problem(
    code: DiagnosticCode,
    place: Place,
    message: string,
    hint: string,
    related: Diagnostic['related'] = [],
  ): undefined {
    this.problems.push({ code, place, message, hint, related });
  }
}

class TooMuch extends Error {}
