import { expect, it } from 'vitest';
import { causeName } from '../../../hw/hart/causes.ts';

it('causes have the names of the specification', () => {
  expect([causeName(2, false), causeName(23, false), causeName(24, false)]).toEqual([
    'illegal instruction',
    'store guest page fault',
    'cause 24',
  ]);
  expect([causeName(6, true), causeName(11, true)]).toEqual(['interrupt vsti', 'interrupt mei']);
});
