import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assemble } from '../../../hw/isa/assemble.ts';
import { encodeFields } from '../../../hw/isa/assembler/encode.ts';
import { decode, lookUp } from '../../../hw/isa/decode.ts';
import { disassemble } from '../../../hw/isa/disassemble.ts';
import { type Field, type FieldName, fits, rangeOf } from '../../../hw/isa/encoding.ts';
import { compressed, instructions, operation } from '../../../hw/isa/table.ts';

const values = (field: Field) => {
  const { least, greatest } = rangeOf(field);
  const unit = 2 ** field.scale;
  return fc
    .integer({ min: least / (field.compact ? 1 : unit), max: greatest / (field.compact ? 1 : unit) })
    .map((n) => (field.compact ? n : n * unit))
    .filter((n) => fits(field, n));
};

const origin = 0x8000_0000;

/** A word of an instruction with random operands; fm, which has no syntax, stays 0. */
const wordOf = (instruction: (typeof instructions)[number] | (typeof compressed)[number]) => {
  const fields = instruction.pattern.fields.filter((field) => field.name !== 'fm');
  const record = fc.record(Object.fromEntries(fields.map((field) => [field.name, values(field)])));
  return record.map((operands) => ({
    operands: operands as { [K in FieldName]?: number },
    word: encodeFields(instruction, operands),
  }));
};

const bytesToWord = (bytes: Uint8Array): number => {
  const view = new DataView(bytes.buffer);
  return bytes.length === 2 ? view.getUint16(0, true) : view.getInt32(0, true);
};

test.each([...instructions, ...compressed])('$name survives decoding, disassembly and assembly', (instruction) => {
  const base = 'base' in instruction ? instruction.base : undefined;
  fc.assert(
    fc.property(wordOf(instruction), ({ operands, word }) => {
      expect(lookUp(word)).toBe(instruction);
      const decoded = decode(word)!;
      expect(decoded.op).toBe(operation(base?.name ?? instruction.name));
      for (const field of ['rd', 'rs1', 'rs2', 'rs3', 'imm', 'rm'] as const) {
        const source = base ? base.fields[field] : field;
        const expected = typeof source === 'number' ? source : source && operands[source];
        expect(decoded[field], field).toBe(expected ?? (field === 'rm' ? 7 : 0));
      }
      for (const aliases of [true, false]) {
        const text = disassemble(word, origin, { aliases });
        const { bytes } = assemble(text, { origin });
        expect(bytes.length).toBe(instruction.pattern.length);
        expect(bytesToWord(bytes), text).toBe(word);
      }
    }),
    { numRuns: 20 },
  );
});

test('every 16-bit word survives disassembly and assembly', () => {
  const words: number[] = [];
  for (let word = 0; word < 0x10000; word++) if ((word & 3) !== 3) words.push(word);
  const source = words.map((word, index) => disassemble(word, origin + index * 2)).join('\n');
  const { bytes } = assemble(source, { origin });
  expect([...new Uint16Array(bytes.buffer)]).toEqual(words);
});
