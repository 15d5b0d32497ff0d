// The undo log of states that change in place: what each write of a handler replaced. Sources of such servers are
// instrumented to report a member before they write it.

import { meter } from './meter.ts';
import { arrayPrototype, arraySlice, getPrototypeOf, hasOwn, isArray, objectPrototype } from './natives.ts';

/** Stands for every element of an array, where a method moves them. */
export const wholeArray = '$$whole';

type Entry = { target: Record<PropertyKey, unknown>; key: PropertyKey; had: boolean; old: unknown; length: number };

export class UndoLog {
  private entries: Entry[] = [];

  /** `target[key]` is about to be written. */
  readonly note = (target: object, key: PropertyKey): void => {
    // Only plain data can be part of a state.
    if (typeof target !== 'object' || target === null) return;
    const prototype: unknown = getPrototypeOf(target);
    if (prototype !== objectPrototype && prototype !== arrayPrototype && prototype !== null) return;
    const holder = target as Record<PropertyKey, unknown>;
    const whole = key === wholeArray || (key === 'length' && isArray(target));
    meter.grow(64);
    if (whole) meter.charge((target as unknown[]).length >> 2);
    this.entries[this.entries.length] = {
      target: holder,
      key: whole ? wholeArray : key,
      had: !whole && hasOwn(target, key),
      old: whole ? arraySlice(target as unknown[]) : holder[key],
      length: isArray(target) ? target.length : -1,
    };
  };

  get empty(): boolean {
    return this.entries.length === 0;
  }

  commit(): void {
    this.entries = [];
  }

  /** Everything as it was. */
  undo(): void {
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const { target, key, had, old, length } = this.entries[i]!;
      if (key === wholeArray) {
        const elements = old as unknown[];
        target['length'] = elements.length;
        for (let at = 0; at < elements.length; at++) target[at] = elements[at];
        continue;
      }
      if (had) target[key] = old;
      else delete target[key];
      if (length >= 0) target['length'] = length;
    }
    this.entries = [];
  }
}
