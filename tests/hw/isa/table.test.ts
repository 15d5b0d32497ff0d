import { expect, test } from 'vitest';
import { lookUp } from '../../../hw/isa/decode.ts';
import { matches } from '../../../hw/isa/encoding.ts';
import { fieldOf, operandsOf } from '../../../hw/isa/syntax.ts';
import { compressed, instructions, operation } from '../../../hw/isa/table.ts';

const all = [...instructions, ...compressed];

test('every instruction has a name of its own', () => {
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
});

test('no 32-bit word matches the fixed bits of two instructions', () => {
  for (const [index, { name, pattern: a }] of instructions.entries()) {
    for (const { name: other, pattern: b } of instructions.slice(index + 1)) {
      expect((a.match ^ b.match) & a.mask & b.mask, `${name} and ${other}`).not.toBe(0);
    }
  }
});

test('no 16-bit word matches two compressed instructions', () => {
  for (let word = 0; word < 0x10000; word++) {
    const found = compressed.filter(({ pattern }) => matches(pattern, word));
    if (found.length > 1) expect.fail(`0x${word.toString(16)} is ${found.map(({ name }) => name)}`);
  }
});

test('low bits tell the length of an instruction', () => {
  for (const { pattern } of instructions) expect(pattern).toMatchObject({ length: 4 });
  for (const { pattern } of instructions) expect(pattern.match & 3).toBe(3);
  for (const { pattern } of compressed) expect(pattern).toMatchObject({ length: 2 });
  for (const { pattern } of compressed) expect(pattern.match & 3).not.toBe(3);
});

test('every field of an encoding is an operand, and every operand a field', () => {
  for (const { name, pattern, slots } of all) {
    const written = operandsOf(slots)
      .map(fieldOf)
      .filter((field) => field !== undefined);
    const encoded = pattern.fields.map((field) => field.name).filter((field) => !['aq', 'rl', 'fm'].includes(field));
    expect([...written].sort(), name).toEqual([...encoded].sort());
  }
});

test('a compressed instruction reads and writes the register files of its expansion', () => {
  for (const { name, slots, base } of compressed) {
    const { operands } = instructions[operation(base.name)]!;
    for (const operand of operandsOf(slots)) {
      if (operand.kind !== 'register') continue;
      for (const [field, from] of Object.entries(base.fields)) {
        if (from === operand.field) expect(operands[field as 'rd'], name).toBe(operand.file);
      }
    }
  }
});

test('the table has the instructions of RV64GC, Zba, Zbb, Zbs, Svinval, H', () => {
  const counts: Record<string, number> = {};
  for (const { extension } of all) counts[extension] = (counts[extension] ?? 0) + 1;
  expect(counts).toEqual({
    I: 52,
    Zifencei: 1,
    Zicsr: 6,
    M: 13,
    A: 22,
    F: 30,
    D: 32,
    C: 37,
    Zba: 8,
    Zbb: 24,
    Zbs: 8,
    privileged: 4,
    Svinval: 5,
    H: 15,
  });
});

test('looking up an instruction by its own bits finds it', () => {
  for (const instruction of instructions) expect(lookUp(instruction.pattern.match)).toBe(instruction);
});
