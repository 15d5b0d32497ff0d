import { describe, expect, it } from 'vitest';
import type { DeviceBus } from '../../hw/device.ts';
import { createPlic, isInterrupting, type PlicState, plic, setSource } from '../../vdev/plic.ts';

const bus = {} as DeviceBus;
const read = (state: PlicState, offset: number): number => plic.read(state, bus, offset, 4);
const write = (state: PlicState, offset: number, value: number): void => plic.write(state, bus, offset, 4, value);

const priority = (source: number): number => 4 * source;
const pending = (word: number): number => 0x1000 + 4 * word;
const enable = (context: number, word: number): number => 0x2000 + 0x80 * context + 4 * word;
const threshold = (context: number): number => 0x20_0000 + 0x1000 * context;
const claim = (context: number): number => threshold(context) + 4;

/** Sources 3, 10 and 40 with priorities 1, 2 and 2, enabled for context 1. */
function configured(): PlicState {
  const state = createPlic(4);
  write(state, priority(3), 1);
  write(state, priority(10), 2);
  write(state, priority(40), 2);
  write(state, enable(1, 0), (1 << 3) | (1 << 10));
  write(state, enable(1, 1), 1 << 8);
  return state;
}

describe('the PLIC', () => {
  it('is claimed by priority, then by the lowest number', () => {
    const state = configured();
    for (const source of [3, 40, 10]) setSource(state, source, true);
    expect([read(state, pending(0)), read(state, pending(1))]).toEqual([(1 << 3) | (1 << 10), 1 << 8]);
    expect(isInterrupting(state, 1)).toBe(true);
    expect([read(state, claim(1)), read(state, claim(1)), read(state, claim(1)), read(state, claim(1))]).toEqual([
      10, 40, 3, 0,
    ]);
    expect(isInterrupting(state, 1)).toBe(false);
    expect([read(state, pending(0)), read(state, pending(1))]).toEqual([0, 0]);
  });

  it('takes each signal of an edge-triggered source for one request, however long its line stays up', () => {
    const state = configured();
    expect(state.edges).toEqual([10]);
    setSource(state, 10, true);
    expect(read(state, claim(1))).toBe(10);
    write(state, claim(1), 10);
    expect(isInterrupting(state, 1)).toBe(false);
    setSource(state, 10, true);
    expect(read(state, claim(1))).toBe(10);
    // What comes while one is served waits for its completion.
    setSource(state, 10, true);
    expect(isInterrupting(state, 1)).toBe(false);
    write(state, claim(1), 10);
    expect(read(state, claim(1))).toBe(10);
    write(state, claim(1), 10);
    expect(isInterrupting(state, 1)).toBe(false);
  });

  it('forwards no second request of a source before the first is completed', () => {
    const state = configured();
    setSource(state, 3, true);
    expect(read(state, claim(1))).toBe(3);
    setSource(state, 3, false);
    setSource(state, 3, true);
    expect(isInterrupting(state, 1)).toBe(false);
    write(state, claim(1), 3);
    expect(isInterrupting(state, 1)).toBe(true);
    expect(read(state, claim(1))).toBe(3);
    setSource(state, 3, false);
    write(state, claim(1), 3);
    expect(isInterrupting(state, 1)).toBe(false);
  });

  it('keeps a request whose line has fallen', () => {
    const state = configured();
    setSource(state, 3, true);
    setSource(state, 3, false);
    expect(read(state, claim(1))).toBe(3);
    write(state, claim(1), 3);
    expect(read(state, claim(1))).toBe(0);
  });

  it('interrupts only above the threshold, but can be claimed below it', () => {
    const state = configured();
    setSource(state, 3, true);
    write(state, threshold(1), 1);
    expect(isInterrupting(state, 1)).toBe(false);
    write(state, threshold(1), 0);
    expect(isInterrupting(state, 1)).toBe(true);
    write(state, threshold(1), 7);
    expect(read(state, claim(1))).toBe(3);
  });

  it('never interrupts with priority 0, nor a context for which the source is not enabled', () => {
    const state = configured();
    setSource(state, 3, true);
    expect([0, 1, 2, 3].map((context) => isInterrupting(state, context))).toEqual([false, true, false, false]);
    write(state, priority(3), 0);
    expect(isInterrupting(state, 1)).toBe(false);
    expect(read(state, claim(1))).toBe(0);
    expect(read(state, claim(0))).toBe(0);
  });

  it('gives a shared source to the first context that claims it', () => {
    const state = configured();
    write(state, enable(3, 0), 1 << 10);
    setSource(state, 10, true);
    expect(isInterrupting(state, 3)).toBe(true);
    expect([read(state, claim(3)), read(state, claim(1))]).toEqual([10, 0]);
  });

  it('ignores a completion by a context for which the source is not enabled, or of no source', () => {
    const state = configured();
    setSource(state, 3, true);
    expect(read(state, claim(1))).toBe(3);
    write(state, claim(0), 3);
    for (const nonsense of [0, 96, 0xffff_ffff]) write(state, claim(1), nonsense);
    expect(isInterrupting(state, 1)).toBe(false);
    write(state, claim(1), 3);
    expect(isInterrupting(state, 1)).toBe(true);
  });

  it('legalises priorities, thresholds and enables, and has no source 0 or 96', () => {
    const state = createPlic(2);
    for (const offset of [priority(0), priority(1), priority(95), priority(96), threshold(1), threshold(2)])
      write(state, offset, 0xffff_ffff);
    expect(
      [priority(0), priority(1), priority(95), priority(96), threshold(1), threshold(2)].map((at) => read(state, at)),
    ).toEqual([0, 7, 7, 0, 7, 0]);
    for (const word of [0, 1, 2, 3]) write(state, enable(1, word), 0xffff_ffff);
    expect([0, 1, 2, 3].map((word) => read(state, enable(1, word)))).toEqual([
      0xffff_fffe, 0xffff_ffff, 0xffff_ffff, 0,
    ]);
    expect(read(state, enable(2, 0))).toBe(0);
    write(state, pending(0), 0xffff_ffff);
    expect(read(state, pending(0))).toBe(0);
  });

  it('handles the last source of a word', () => {
    const state = createPlic(2);
    for (const source of [31, 95]) {
      write(state, priority(source), 1);
      write(state, enable(0, source >>> 5), 2 ** 31);
      setSource(state, source, true);
    }
    expect(read(state, pending(2))).toBe(2 ** 31);
    expect([read(state, claim(0)), read(state, claim(0))]).toEqual([31, 95]);
  });

  it('answers every offset and width of its window', () => {
    const state = configured();
    for (let offset = 0; offset < plic.size; offset += 4) {
      write(state, offset, 0xffff_ffff);
      const value = read(state, offset);
      if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw new Error(`${offset}: ${value}`);
    }
    setSource(state, 3, true);
    expect([plic.read(state, bus, claim(1), 1), plic.read(state, bus, claim(1) + 2, 4)]).toEqual([0, 0]);
    expect(isInterrupting(state, 1)).toBe(false);
  });

  it('forgets everything but the lines at reset, and is plain data', () => {
    const state = configured();
    setSource(state, 3, true);
    read(state, claim(1));
    const copy = JSON.parse(JSON.stringify(state)) as PlicState;
    expect(copy).toEqual(state);
    plic.reset(state, bus);
    expect(read(state, priority(3))).toBe(0);
    expect(isInterrupting(state, 1)).toBe(false);
    expect(read(state, pending(0))).toBe(1 << 3);
  });
});
