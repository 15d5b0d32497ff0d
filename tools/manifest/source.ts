// A manifest's text and its YAML document: parsed once, asked for nodes and their places. Overrides of the command line
// (`--set path=value`) are put into the document and remember where they came from.

import {
  type Alias,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  Pair,
  parseDocument,
  Scalar,
  visit,
  YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { Diagnostic, Place } from './diagnostic.ts';

/** A node that is no alias. */
export type Concrete = Scalar | YAMLMap | YAMLSeq;

interface Origin {
  file: string;
  /** Offset of the text that the node was parsed from in the override; added to the node's own. */
  base: number;
}

export class Source {
  readonly problems: Diagnostic[] = [];
  #document: Document | undefined;
  readonly #lines = new LineCounter();
  readonly #origins = new WeakMap<object, Origin>();
  readonly #anchors = new Map<string, { offset: number; node: Concrete }[]>();

  constructor(
    readonly file: string,
    text: string,
    overrides: readonly string[] = [],
  ) {
    this.#document = this.#parse(text);
    for (const override of overrides) this.#override(override);
  }

  /** Whether the text is YAML. */
  get isDocument(): boolean {
    return this.#document !== undefined;
  }

  /** The root of the document; undefined when it isn't YAML. */
  get root(): Concrete | undefined {
    return this.#document === undefined ? undefined : this.resolve(this.#document.contents);
  }

  /** Follows an alias. undefined: nothing is written there, or the anchor does not exist. */
  resolve(node: unknown): Concrete | undefined {
    if (!isAlias(node)) return isScalar(node) || isCollection(node) ? (node as Concrete) : undefined;
    const offset = node.range?.[0] ?? 0;
    return this.#anchors.get(node.source)?.findLast((each) => each.offset < offset)?.node;
  }

  /** The place of a node, with its path for display. */
  placeOf(node: unknown, path: string): Place {
    const range = isNode(node) ? node.range : undefined;
    const origin = isNode(node) ? this.#origins.get(node) : undefined;
    if (origin !== undefined) return { file: origin.file, line: 1, column: origin.base + (range?.[0] ?? 0) + 1, path };
    const { line, col } = this.#lines.linePos(range?.[0] ?? 0);
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col), path };
  }

  #parse(text: string): Document | undefined {
    let document: Document;
    try {
      document = parseDocument(text, {
        lineCounter: this.#lines,
        uniqueKeys: false,
        prettyErrors: false,
        version: '1.2',
      });
    } catch (error) {
      // The composer recurses: nesting of thousands of levels exhausts the stack.
      if (!(error instanceof RangeError)) throw error;
      this.#complain('yaml-syntax', 0, ...tooDeep);
      return undefined;
    }
    for (const problem of [...document.errors, ...document.warnings]) {
      if (/call stack/.test(problem.message)) {
        this.#complain('yaml-syntax', problem.pos[0], ...tooDeep);
        continue;
      }
      const message = problem.message.replace(/\s+/g, ' ').replace(/\.$/, '');
      const hint = yamlHints[problem.code] ?? 'see https://yaml.org/spec/1.2.2/';
      this.#complain('yaml-syntax', problem.pos[0], message.slice(0, 1).toLowerCase() + message.slice(1), hint);
    }
    if (document.directives?.yaml.explicit && document.directives.yaml.version !== '1.2') {
      const at = Math.max(0, text.indexOf('%YAML'));
      this.#complain(
        'yaml-version',
        at,
        `YAML ${document.directives.yaml.version} is declared`,
        'remove the directive: a manifest is YAML 1.2',
      );
    }
    if (this.problems.length > 0) return undefined;
    visit(document, {
      Node: (_key, node) => {
        if (isAlias(node)) {
          if (this.resolve(node) === undefined) {
            this.#complain(
              'yaml-syntax',
              node.range?.[0] ?? 0,
              `no anchor is named '${node.source}'`,
              yamlHints['BAD_ALIAS']!,
            );
          }
        } else if (node.anchor !== undefined) {
          const list = this.#anchors.get(node.anchor) ?? [];
          list.push({ offset: node.range?.[0] ?? 0, node: node as Concrete });
          this.#anchors.set(node.anchor, list);
        }
      },
    });
    if (this.problems.length > 0) return undefined;
    return document;
  }

  #complain(code: 'yaml-syntax' | 'yaml-version', offset: number, message: string, hint: string): void {
    const { line, col } = this.#lines.linePos(offset);
    const place = { file: this.file, line: Math.max(1, line), column: Math.max(1, col), path: '' };
    this.problems.push({ code, place, message, hint, related: [] });
  }

  /** Applies `path=value`: steps are keys, indices, or names of list items; the value is YAML. */
  #override(text: string): void {
    const file = `--set ${text}`;
    const complain = (code: 'set-syntax' | 'set-path', column: number, message: string, hint: string) =>
      this.problems.push({ code, place: { file, line: 1, column, path: '' }, message, hint, related: [] });
    const equals = text.indexOf('=');
    const steps = text.slice(0, Math.max(0, equals)).split('.');
    if (equals < 0 || steps.some((step) => step.trim() === '' || step.length > 63) || steps.length > 16) {
      complain('set-syntax', 1, `'${text}' is not path=value`, 'write --set cells.linux.memory=512M');
      return;
    }
    const value = parseValue(text.slice(equals + 1));
    if (value === undefined) {
      complain(
        'set-syntax',
        equals + 2,
        `'${text.slice(equals + 1)}' is not a YAML value`,
        'quote it: --set "system.name=\'a: b\'"',
      );
      return;
    }
    if (this.#document === undefined) return;
    const origin = (base: number): Origin => ({ file, base });
    const mark = (node: unknown, base: number) => {
      visit(node as Node, (_key, each) => {
        if (isNode(each)) this.#origins.set(each, origin(base));
      });
    };
    mark(value, equals + 1);
    if (this.#document.contents === null) this.#document.contents = new YAMLMap() as never;
    let holder = this.resolve(this.#document.contents);
    let column = 1;
    for (const [index, step] of steps.entries()) {
      const last = index === steps.length - 1;
      const key = new Scalar(step);
      key.source = step;
      key.range = [column - 1, column - 1 + step.length, column - 1 + step.length];
      this.#origins.set(key, origin(0));
      if (isMap(holder)) {
        const pair: Pair | undefined = holder.items.find((each) => keyText(each.key) === step);
        if (last) {
          if (pair === undefined) holder.items.push(new Pair(key, value));
          else pair.value = value;
          return;
        }
        const next = pair === undefined ? undefined : this.resolve(pair.value);
        if (next !== undefined) holder = next;
        else {
          const created = new YAMLMap();
          created.range = key.range;
          this.#origins.set(created, origin(0));
          if (pair === undefined) holder.items.push(new Pair(key, created));
          else pair.value = created;
          holder = created;
        }
      } else if (isSeq(holder)) {
        const position = /^\d{1,6}$/.test(step)
          ? Number(step)
          : holder.items.findIndex((item) => this.#nameOf(item) === step);
        if (position < 0 || position >= holder.items.length) {
          complain(
            'set-path',
            column,
            `'${step}' is no item of the list ${steps.slice(0, index).join('.')}`,
            `it has ${holder.items.length} items: give an index or a name`,
          );
          return;
        }
        if (last) {
          holder.items[position] = value;
          return;
        }
        holder = this.resolve(holder.items[position]);
      } else {
        complain(
          'set-path',
          column,
          `${steps.slice(0, index).join('.') || 'the manifest'} has no fields`,
          'the path leads through a plain value',
        );
        return;
      }
      column += step.length + 1;
    }
  }

  #nameOf(item: unknown): string | undefined {
    const node = this.resolve(item);
    if (!isMap(node)) return undefined;
    return keyText(this.resolve(node.items.find((each) => keyText(each.key) === 'name')?.value));
  }
}

/** The text of a key or scalar as it is written, quotes taken off; undefined for anything else. */
export function keyText(node: unknown): string | undefined {
  if (!isScalar(node)) return undefined;
  if (typeof node.value === 'string') return node.value;
  return node.source ?? String(node.value);
}

function parseValue(text: string): Concrete | undefined {
  try {
    const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, version: '1.2' });
    if (document.errors.length > 0 || document.warnings.length > 0) return undefined;
    const node: unknown = document.contents;
    let aliases = false;
    visit(document, {
      Alias: (_key, _node: Alias) => {
        aliases = true;
      },
    });
    if (aliases) return undefined;
    return isScalar(node) || isMap(node) || isSeq(node) ? (node as Concrete) : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const tooDeep = ['the document is nested too deeply', 'a manifest has a few levels'] as const;

const yamlHints: Record<string, string> = {
  BAD_INDENT: 'indent the items of one mapping or list alike',
  TAB_AS_INDENT: 'indent with spaces',
  MISSING_CHAR: 'close what was opened, or quote the text',
  MULTIPLE_DOCS: 'a manifest is one document: remove `---`',
  TAG_RESOLVE_FAILED: 'a manifest has no tags',
  BLOCK_IN_FLOW: 'a block cannot stand inside [ ] or { }',
  MULTILINE_IMPLICIT_KEY: 'a key stands on one line; is a `:` missing above?',
  UNEXPECTED_TOKEN: 'is something missing before it?',
  BAD_ALIAS: 'an alias names an anchor that stands before it',
};
