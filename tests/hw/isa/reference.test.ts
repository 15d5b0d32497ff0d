import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { instructionReference } from '../../../hw/isa/reference.ts';

test('docs/instructions.md is what the table generates', () => {
  expect(readFileSync('docs/instructions.md', 'utf8')).toBe(instructionReference());
});
