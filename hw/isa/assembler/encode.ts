// Encodes one instruction from its written operands.

import { type Alias, aliases } from '../aliases.ts';
import { csrNumbers } from '../csr-names.ts';
import { type Field, type FieldName, fits, insert, rangeOf } from '../encoding.ts';
import type { CompressedInstruction, Instruction } from '../instruction.ts';
import { fNumbers, orderingBits, roundingModes, xNumbers } from '../registers.ts';
import { fieldOf, type Operand, type Slot } from '../syntax.ts';
import { compressed, instructions } from '../table.ts';
import { evaluate, type Scope } from './expression.ts';
import { Mistake } from './issue.ts';
import type { Text } from './source.ts';

/** What an operand may refer to beyond symbols. */
export interface OperandScope extends Scope {
  /** The address that the %pcrel_hi at `address` refers to. */
  pcrelTarget(address: bigint): bigint | undefined;
}

/** A way to write an instruction. */
export interface Form {
  name: string;
  slots: readonly Slot[];
  instruction: Instruction | CompressedInstruction;
  /** What the fields are in terms of the operands' fields; the same, when absent. */
  fields?: Alias['fields'];
}

const formsByName = new Map<string, Form[]>();
for (const form of [
  ...[...instructions, ...compressed].map(
    (instruction): Form => ({ name: instruction.name, slots: instruction.slots, instruction }),
  ),
  ...aliases,
]) {
  const known = formsByName.get(form.name);
  if (known) known.push(form);
  else formsByName.set(form.name, [form]);
}

/** The ways to write a mnemonic, and the aq and rl bits that its suffix sets. */
export function formsOf(mnemonic: string): { forms: readonly Form[]; ordering: { aq?: number; rl?: number } } {
  const exact = formsByName.get(mnemonic);
  if (exact) return { forms: exact, ordering: {} };
  const suffix = /^(.*)\.(aqrl|aq|rl)$/.exec(mnemonic);
  const forms = suffix ? (formsByName.get(suffix[1]!) ?? []) : [];
  if (!suffix || !forms[0]?.instruction.pattern.fields.some(({ name }) => name === 'aq'))
    return { forms: [], ordering: {} };
  return { forms, ordering: { aq: suffix[2]!.includes('aq') ? 1 : 0, rl: suffix[2]!.includes('rl') ? 1 : 0 } };
}

/** Splits `offset(base)` with a register as base. */
export function memoryOperand({ text, line, column }: Text): { offset: Text; base: Text } | undefined {
  const found = /^(.*)\(\s*(\w+)\s*\)$/s.exec(text);
  if (!found || !xNumbers.has(found[2]!)) return undefined;
  return {
    offset: { text: found[1]!, line, column },
    base: { text: found[2]!, line, column: column + text.lastIndexOf(found[2]!) },
  };
}

const registersOf = (file: 'x' | 'f'): ReadonlyMap<string, number> => (file === 'x' ? xNumbers : fNumbers);
const isRegister = (text: string): boolean => xNumbers.has(text) || fNumbers.has(text);

function slotAccepts(slot: Slot, written: Text): boolean {
  if (slot.form === 'memory') return memoryOperand(written) !== undefined;
  const { operand } = slot;
  if (operand.kind === 'register') return registersOf(operand.file).has(written.text);
  if (operand.kind === 'sp') return xNumbers.get(written.text) === 2;
  if (operand.kind === 'rm') return roundingModes.includes(written.text);
  return !isRegister(written.text) && memoryOperand(written) === undefined;
}

const countFits = ({ slots }: Form, count: number): boolean => {
  const required = slots.filter((slot) => slot.form === 'memory' || slot.operand.default === undefined).length;
  return count >= required && count <= slots.length;
};

/** Whether operands have the shape of a form: their number, and registers where it wants registers. */
export const accepts = (form: Form, operands: readonly Text[]): boolean =>
  countFits(form, operands.length) && operands.every((written, index) => slotAccepts(form.slots[index]!, written));

function slotText(slot: Slot): string {
  const text = ({ name, default: fallback }: Operand): string => (fallback === undefined ? name : `[${name}]`);
  return slot.form === 'plain' ? text(slot.operand) : `${slot.offset ? text(slot.offset) : ''}(${text(slot.base)})`;
}

const expected = (operand: Operand): string => {
  switch (operand.kind) {
    case 'register':
      return `an ${operand.file} register`;
    case 'sp':
      return 'sp';
    case 'rm':
      return 'a rounding mode';
    default:
      return 'a value';
  }
};

/** Says why no form of a mnemonic takes the operands. */
export function shapeMistake(name: Text, forms: readonly Form[], operands: readonly Text[]): Mistake {
  const usage = forms.map((form) => `${form.name} ${form.slots.map(slotText).join(', ')}`.trim()).join(' or ');
  const likely = forms.filter((form) => countFits(form, operands.length));
  if (likely.length === 0) return new Mistake(`${name.text} takes other operands`, name, `write ${usage}`);
  const wrong = likely.map((form) => operands.findIndex((written, index) => !slotAccepts(form.slots[index]!, written)));
  const furthest = Math.max(...wrong);
  const slot = likely[wrong.indexOf(furthest)]!.slots[furthest]!;
  const what = slot.form === 'memory' ? `a memory operand such as 8(sp)` : expected(slot.operand);
  return new Mistake(`${operands[furthest]!.text} is not ${what}`, operands[furthest]!, `write ${usage}`);
}

const modifier = /^%(hi|lo|pcrel_hi|pcrel_lo)\((.*)\)$/s;
const low12 = (value: bigint): bigint => BigInt.asIntN(12, value);

/** The upper 20 bits that, with a sign-extended low part added, make up `value`. */
export function high20(value: bigint, place: Text, reach: string): bigint {
  const high = (BigInt.asIntN(64, value) + 0x800n) >> 12n;
  if (high < -0x8_0000n || high >= 0x8_0000n) throw new Mistake(`${value} is out of reach: ${reach}`, place, 'use li');
  return BigInt.asUintN(20, high);
}

function immediate(written: Text, scope: OperandScope): bigint {
  const found = modifier.exec(written.text);
  if (!found) return evaluate(written, scope);
  const [, name, inner] = found as unknown as [string, string, string];
  const value = evaluate({ text: inner, line: written.line, column: written.column + name.length + 2 }, scope);
  switch (name) {
    case 'hi':
      return high20(value, written, '%hi reaches 2 GiB around address 0');
    case 'lo':
      return low12(value);
    case 'pcrel_hi':
      return high20(value - scope.here, written, '%pcrel_hi reaches 2 GiB around the instruction');
    default: {
      const target = scope.pcrelTarget(value);
      if (target === undefined) {
        throw new Mistake('%pcrel_lo needs the label of an instruction with %pcrel_hi', written);
      }
      return low12(target - value);
    }
  }
}

/** The symbol that an instruction's %pcrel_hi refers to. */
export function pcrelHigh(operands: readonly Text[]): Text | undefined {
  for (const { text, line, column } of operands) {
    if (text.startsWith('%pcrel_hi(') && text.endsWith(')')) {
      return { text: text.slice(10, -1), line, column: column + 10 };
    }
  }
  return undefined;
}

function ordering(written: Text, scope: OperandScope): bigint {
  if (!/^[iorw]+$/.test(written.text)) return evaluate(written, scope);
  return BigInt([...written.text].reduce((bits, letter) => bits | (8 >> orderingBits.indexOf(letter)), 0));
}

function fieldValue(operand: Operand, written: Text, scope: OperandScope): bigint {
  switch (operand.kind) {
    case 'register':
      return BigInt(registersOf(operand.file).get(written.text)!);
    case 'sp':
      return 2n;
    case 'rm':
      return BigInt(roundingModes.indexOf(written.text));
    case 'ordering':
      return ordering(written, scope);
    case 'csr': {
      const number = csrNumbers.get(written.text);
      if (number !== undefined) return BigInt(number);
      if (/^[a-z]\w*$/.test(written.text) && scope.symbol(written.text) === undefined) {
        throw new Mistake(`there is no CSR called ${written.text}`, written);
      }
      return evaluate(written, scope);
    }
    case 'upper': {
      const value = immediate(written, scope);
      if (value < 0n || value > 0xfffffn) throw new Mistake(`${value} is not in 0 to 0xfffff`, written);
      return BigInt.asIntN(32, value << 12n);
    }
    case 'target':
      return BigInt.asIntN(64, evaluate(written, scope) - scope.here);
    case 'imm':
    case 'shamt':
    case 'zimm':
      return immediate(written, scope);
  }
}

function fieldMistake(operand: Operand, field: Field, value: bigint, written: Text): Mistake {
  const { least, greatest } = rangeOf(field);
  if (operand.kind === 'register') {
    if (field.compact) return new Mistake(`${written.text} is not one of s0, s1, a0 to a5`, written);
    return new Mistake(`${written.text} is not allowed here`, written);
  }
  if (operand.kind === 'target') {
    if (value % 2n !== 0n) return new Mistake('the target is an odd address', written);
    const range = `it reaches ${least} to ${greatest}`;
    return new Mistake(
      `the target is ${value} bytes away: ${range}`,
      written,
      'branch around a jump, or use tail or call',
    );
  }
  if (value < BigInt(least) || value > BigInt(greatest)) {
    const hint = operand.kind === 'imm' && field.bits === 12 ? 'load it with li first' : undefined;
    return new Mistake(`${value} is not in ${least} to ${greatest}`, written, hint);
  }
  if (field.excluded.includes(Number(value))) return new Mistake(`${value} is not allowed here`, written);
  return new Mistake(`${value} is not a multiple of ${2 ** field.scale}`, written);
}

/** The word of an instruction whose fields have these values, which must fit; fields without one are 0. */
export function encodeFields(
  instruction: Instruction | CompressedInstruction,
  values: { readonly [K in FieldName]?: number },
): number {
  let word = instruction.pattern.match;
  for (const field of instruction.pattern.fields) word |= insert(field, values[field.name] ?? (field.compact ? 8 : 0));
  return word;
}

/** Encodes operands that `accepts` has approved; throws a `Mistake`. */
export function encodeForm(
  form: Form,
  operands: readonly Text[],
  scope: OperandScope,
  preset: { readonly [K in FieldName]?: number },
): number {
  const named: { [K in FieldName]?: number } = {};
  const { fields } = form.instruction.pattern;
  const put = (operand: Operand, written: Text): void => {
    const name = fieldOf(operand);
    if (name === undefined) return;
    const value = fieldValue(operand, written, scope);
    const target = form.fields
      ? (Object.entries(form.fields) as [FieldName, FieldName | number][]).find(([, from]) => from === name)?.[0]
      : name;
    const field = fields.find((candidate) => candidate.name === target)!;
    const number = Number(value);
    if (BigInt(number) !== value || !fits(field, number)) throw fieldMistake(operand, field, value, written);
    named[name] = number;
  };
  for (const [index, slot] of form.slots.entries()) {
    const written = operands[index];
    if (slot.form === 'memory') {
      const { offset, base } = memoryOperand(written!)!;
      if (slot.offset) put(slot.offset, offset.text === '' ? { ...offset, text: '0' } : offset);
      else if (offset.text !== '' && evaluate(offset, scope) !== 0n) {
        throw new Mistake('this instruction takes no offset', offset);
      }
      if (slot.base.kind === 'sp' && xNumbers.get(base.text) !== 2) throw new Mistake(`${base.text} is not sp`, base);
      put(slot.base, base);
    } else {
      put(slot.operand, written ?? { text: slot.operand.default!, line: 0, column: 0 });
    }
  }
  if (!form.fields) return encodeFields(form.instruction, { ...preset, ...named });
  const values: { [K in FieldName]?: number } = { ...preset };
  for (const [name, from] of Object.entries(form.fields) as [FieldName, FieldName | number][]) {
    values[name] = typeof from === 'number' ? from : named[from]!;
  }
  return encodeFields(form.instruction, values);
}
