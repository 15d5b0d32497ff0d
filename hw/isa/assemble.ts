// The assembler: from text to bytes, in two passes.
//
// GNU syntax and directives, with these differences:
// - Sections (.text, .rodata, .data, .bss, .section NAME) become one image in that order, others after them, each
//   aligned to 8 bytes. Every symbol is an address, and `.org ADDRESS` moves on to an address.
// - Expressions have C's precedence; a constant is defined once, from what is known so far.
// - Nothing is compressed or relaxed: a 16-bit instruction is written under its own name, la, call and tail are always
//   two instructions, a branch out of reach is an error.
// - li takes a constant that is known where it stands; la takes an address.

import { directives, ignoredDirectives, maxImage } from './assembler/directives.ts';
import { accepts, encodeForm, formsOf, type OperandScope, pcrelHigh, shapeMistake } from './assembler/encode.ts';
import { evaluate } from './assembler/expression.ts';
import { AssemblyError, type AssemblyIssue, Mistake } from './assembler/issue.ts';
import { expand } from './assembler/macros.ts';
import { pseudos } from './assembler/pseudo.ts';
import { linesOf, type Statement, type Text } from './assembler/source.ts';

export { AssemblyError, type AssemblyIssue } from './assembler/issue.ts';

export interface Assembly {
  bytes: Uint8Array;
  /** Address of the first byte. */
  origin: bigint;
  /** Labels and constants. */
  symbols: Map<string, bigint>;
  sections: { name: string; address: bigint; size: number }[];
  /** Which line made which bytes, by rising address. */
  lines: { line: number; address: bigint; length: number }[];
}

/** A statement that has its place in the image. */
interface Item {
  statement: Statement;
  address: bigint;
  size: number;
  code: boolean;
}

interface Section {
  name: string;
  statements: Statement[];
}

const order = ['.text', '.rodata', '.data', '.bss'];
const rank = (name: string): number => {
  const index = order.findIndex((known) => name === known || name.startsWith(`${known}.`));
  return index < 0 ? order.length : index;
};
const isCode = (section: string): boolean => section === '.text' || section.startsWith('.text.');

function sectionsOf(statements: readonly Statement[], report: (mistake: Mistake) => void): Section[] {
  const sections = new Map<string, Section>();
  const open = (name: string): Section => {
    const section = sections.get(name) ?? { name, statements: [] };
    sections.set(name, section);
    return section;
  };
  let current = open('.text');
  for (const statement of statements) {
    const name = statement.name?.text;
    if (name !== '.section' && !(name && order.includes(name))) {
      current.statements.push(statement);
      continue;
    }
    if (statement.labels.length > 0) current.statements.push({ ...statement, name: undefined, operands: [] });
    const wanted = name === '.section' ? statement.operands[0]?.text : name;
    if (wanted === undefined) report(new Mistake('.section needs a name', statement.name!));
    else current = open(wanted);
  }
  return [...sections.values()].sort((a, b) => rank(a.name) - rank(b.name));
}

class Assembler {
  private readonly issues: AssemblyIssue[] = [];
  private readonly symbols = new Map<string, bigint>();
  private readonly locals = new Map<number, { index: number; address: bigint }[]>();
  private readonly items: Item[] = [];
  private readonly pcrel = new Map<bigint, { symbol: Text; index: number }>();
  private readonly sections: Assembly['sections'] = [];
  private address: bigint;

  constructor(
    private readonly origin: bigint,
    private readonly file: string,
  ) {
    this.address = origin;
  }

  assemble(source: string): Assembly {
    const report = (mistake: Mistake): void => {
      this.issues.push(mistake.issue);
    };
    const statements = expand(linesOf(source, report), report);
    for (const section of sectionsOf(statements, report)) this.place(section);
    const bytes = new Uint8Array(Number(this.address - this.origin));
    for (const [index, item] of this.items.entries()) this.attempt(() => this.emit(item, index, bytes));
    if (this.issues.length > 0) {
      this.issues.sort((a, b) => a.line - b.line || a.column - b.column);
      throw new AssemblyError(this.issues, this.file);
    }
    const lines = this.items.map(({ statement, address, size }) => ({
      line: statement.name!.line,
      address,
      length: size,
    }));
    return { bytes, origin: this.origin, symbols: this.symbols, sections: this.sections, lines };
  }

  /** Collects a statement's mistake. */
  private attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof Mistake)) throw error;
      this.issues.push(error.issue);
    }
  }

  private scope(address: bigint, index: number): OperandScope {
    return {
      here: address,
      symbol: (name) => this.symbols.get(name),
      local: (label, direction) => {
        const places = this.locals.get(label) ?? [];
        const found =
          direction === 'f'
            ? places.find((place) => place.index > index)
            : places.findLast((place) => place.index <= index);
        return found?.address;
      },
      pcrelTarget: (at) => {
        const high = this.pcrel.get(at);
        return high && evaluate(high.symbol, this.scope(at, high.index));
      },
    };
  }

  /** First pass: addresses of a section's labels and statements. */
  private place({ name, statements }: Section): void {
    if (statements.length > 0 && this.address !== this.origin) this.address += BigInt.asUintN(64, -this.address) % 8n;
    const start = this.address;
    for (const statement of statements) {
      for (const label of statement.labels) this.attempt(() => this.define(label));
      if (statement.name) this.attempt(() => this.measure(statement, isCode(name)));
    }
    const size = Number(this.address - start);
    if (size > 0) this.sections.push({ name, address: start, size });
  }

  private define(label: Text): void {
    if (!/^\d/.test(label.text)) {
      this.set(label, this.address);
      return;
    }
    const number = Number(label.text);
    const places = this.locals.get(number) ?? [];
    places.push({ index: this.items.length, address: this.address });
    this.locals.set(number, places);
  }

  private set(symbol: Text, value: bigint): void {
    if (this.symbols.has(symbol.text)) throw new Mistake(`${symbol.text} is defined twice`, symbol);
    this.symbols.set(symbol.text, value);
  }

  private measure(statement: Statement, code: boolean): void {
    const name = statement.name!;
    const scope = this.scope(this.address, this.items.length);
    if (ignoredDirectives.has(name.text)) return;
    if (name.text === '.equ' || name.text === '.set') {
      const [symbol, value] = statement.operands;
      if (!symbol || !value || !/^[A-Za-z_.$][\w.$]*$/.test(symbol.text)) {
        throw new Mistake(`${name.text} takes a name and a value`, name);
      }
      this.set(symbol, evaluate(value, scope));
      return;
    }
    const size = this.sizeOf(statement, scope, code);
    if (this.address + BigInt(size) - this.origin > BigInt(maxImage)) {
      throw new Mistake(`the image would be larger than ${maxImage} bytes`, name);
    }
    const high = pcrelHigh(statement.operands);
    if (high) this.pcrel.set(this.address, { symbol: high, index: this.items.length });
    this.items.push({ statement, address: this.address, size, code });
    this.address += BigInt(size);
  }

  private sizeOf(statement: Statement, scope: OperandScope, code: boolean): number {
    const name = statement.name!;
    const directive = directives.get(name.text);
    if (directive) return directive.size(statement, scope, { code });
    if (name.text.startsWith('.')) throw new Mistake(`there is no directive ${name.text}`, name);
    if (scope.here % 2n !== 0n) {
      this.address++; // so that the mistake is reported once
      throw new Mistake('an instruction at an odd address', name, 'put .balign 4 before it');
    }
    const pseudo = pseudos.get(name.text);
    if (pseudo?.accepts(statement.operands)) return pseudo.size(statement.operands, scope);
    const { forms } = formsOf(name.text);
    const form = forms.find((candidate) => accepts(candidate, statement.operands));
    if (form) return form.instruction.pattern.length;
    if (forms.length > 0 && name.text !== 'li') throw shapeMistake(name, forms, statement.operands);
    if (pseudo) {
      throw new Mistake(`${name.text} takes other operands`, name, `write ${`${name.text} ${pseudo.usage}`.trim()}`);
    }
    throw new Mistake(`there is no instruction ${name.text}`, name);
  }

  /** Second pass: the bytes of a statement. */
  private emit({ statement, address, size, code }: Item, index: number, image: Uint8Array): void {
    const scope = this.scope(address, index);
    const name = statement.name!.text;
    const at = Number(address - this.origin);
    const directive = directives.get(name);
    if (directive) {
      directive.fill(image.subarray(at, at + size), statement, scope, { code });
      return;
    }
    const view = new DataView(image.buffer, at, size);
    const pseudo = pseudos.get(name);
    if (pseudo?.accepts(statement.operands)) {
      for (const [word, value] of pseudo.words(statement.operands, scope).entries())
        view.setInt32(word * 4, value, true);
      return;
    }
    const { forms, ordering } = formsOf(name);
    const form = forms.find((candidate) => accepts(candidate, statement.operands))!;
    const word = encodeForm(form, statement.operands, scope, ordering);
    if (size === 2) view.setUint16(0, word, true);
    else view.setInt32(0, word, true);
  }
}

/**
 * Assembles a source into one image at `origin`. Throws an `AssemblyError` that lists every mistake with its line,
 * column, message and hint.
 */
export function assemble(source: string, options: { origin?: number | bigint; file?: string } = {}): Assembly {
  return new Assembler(BigInt(options.origin ?? 0), options.file ?? 'source').assemble(source);
}
