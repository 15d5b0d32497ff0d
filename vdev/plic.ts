// The platform-level interrupt controller (RISC-V PLIC specification 1.0.0) with the register map of QEMU's `virt`.
// What a context is, its host decides: on the bare machine 2h is hart h in M-mode and 2h + 1 the same hart in S-mode; in a
// virtual machine h is hart h in S-mode.

import type { DeviceBus, DeviceModel } from '../hw/device.ts';
import { plicSources, virtMap } from './virt-map.ts';

const map = {
  priority: 0,
  pending: 0x1000,
  enable: 0x2000,
  enableStride: 0x80,
  context: 0x20_0000,
  contextStride: 0x1000,
  threshold: 0,
  claim: 4,
} as const;
/** Priorities are 0 (never) to 7. */
const priorityMask = 7;

/** Plain data. Sets of sources are arrays of 32-bit words, bit `source & 31` of word `source >> 5`. */
export interface PlicState {
  /** Sources are numbered 1 to `sources`. */
  readonly sources: number;
  readonly contexts: number;
  /**
   * Sources behind an edge-triggered gateway: each time that the device raises its line anew is one request, even while
   * an earlier one is being served, and a line that stays up makes no further one.
   */
  edges: readonly number[];
  /** Levels of the devices' lines. */
  lines: number[];
  /** Requests that a gateway has forwarded and nobody has claimed. */
  pending: number[];
  /** Claimed and not completed: the gateway forwards nothing more. */
  claimed: number[];
  /** By source. */
  priority: number[];
  /** By context. */
  threshold: number[];
  enable: number[][];
}

/**
 * `sources` is at most 1023, `contexts` at most 1024 (what fits into the window). The UART's gateway is edge-triggered:
 * on QEMU's `virt` drivers get by that never read IIR, and so leave its transmitter interrupt up for good.
 */
export function createPlic(
  contexts: number,
  sources = plicSources,
  edges: readonly number[] = [virtMap.uart.irq],
): PlicState {
  const words = (sources >>> 5) + 1;
  const none = (): number[] => new Array<number>(words).fill(0);
  return {
    sources,
    contexts,
    edges,
    lines: none(),
    pending: none(),
    claimed: none(),
    priority: new Array<number>(sources + 1).fill(0),
    threshold: new Array<number>(contexts).fill(0),
    enable: Array.from({ length: contexts }, none),
  };
}

const has = (set: readonly number[], source: number): boolean => ((set[source >>> 5]! >>> (source & 31)) & 1) !== 0;
const add = (set: number[], source: number): void => {
  set[source >>> 5] = (set[source >>> 5]! | (1 << (source & 31))) >>> 0;
};
const remove = (set: number[], source: number): void => {
  set[source >>> 5] = (set[source >>> 5]! & ~(1 << (source & 31))) >>> 0;
};

/** Drives the line of a source. A request that has been forwarded stays pending when the line falls. */
export function setSource(state: PlicState, source: number, raised: boolean): void {
  if (source < 1 || source > state.sources) throw new RangeError(`the PLIC has no source ${source}`);
  if (raised) add(state.lines, source);
  else remove(state.lines, source);
  if (raised && state.edges.includes(source)) add(state.pending, source);
  else forward(state, source);
}

/** The gateway of a level: a raised line becomes one request at a time. */
function forward(state: PlicState, source: number): void {
  if (has(state.lines, source) && !has(state.claimed, source)) add(state.pending, source);
}

/** The pending and enabled source of highest priority above `floor`, the lowest number among equals; 0 if none. */
function best(state: PlicState, context: number, floor: number): number {
  const enable = state.enable[context]!;
  let found = 0;
  let highest = floor;
  for (let word = 0; word < enable.length; word++) {
    let candidates = (enable[word]! & state.pending[word]! & ~state.claimed[word]!) >>> 0;
    while (candidates !== 0) {
      const bit = 31 - Math.clz32(candidates & -candidates);
      candidates = (candidates & (candidates - 1)) >>> 0;
      const source = word * 32 + bit;
      const priority = state.priority[source]!;
      if (priority > highest) {
        highest = priority;
        found = source;
      }
    }
  }
  return found;
}

/** The level of a context's external interrupt: changes at `setSource` and at any register access. */
export function isInterrupting(state: PlicState, context: number): boolean {
  return best(state, context, state.threshold[context]!) !== 0;
}

/** A claim doesn't look at the threshold (PLIC spec: interrupt claim process). */
function claim(state: PlicState, context: number): number {
  const source = best(state, context, 0);
  if (source !== 0) {
    remove(state.pending, source);
    add(state.claimed, source);
  }
  return source;
}

/** A completion of a source that isn't enabled for the context is ignored. */
function complete(state: PlicState, context: number, source: number): void {
  if (source < 1 || source > state.sources || !has(state.enable[context]!, source)) return;
  remove(state.claimed, source);
  if (!state.edges.includes(source)) forward(state, source);
}

/** Sources that exist among the 32 of a word: not 0, and none beyond the last. */
function existing(state: PlicState, word: number): number {
  const first = word * 32;
  let mask = 0xffff_ffff;
  if (word === 0) mask &= ~1;
  if (first + 31 > state.sources) mask &= 2 ** (state.sources - first + 1) - 1;
  return mask >>> 0;
}

function read(state: PlicState, offset: number): number {
  if (offset < map.pending) return state.priority[offset >>> 2] ?? 0;
  if (offset < map.enable) return state.pending[(offset - map.pending) >>> 2] ?? 0;
  if (offset < map.context) {
    const at = offset - map.enable;
    return state.enable[Math.floor(at / map.enableStride)]?.[(at % map.enableStride) >>> 2] ?? 0;
  }
  const context = Math.floor((offset - map.context) / map.contextStride);
  if (context >= state.contexts) return 0;
  const register = offset % map.contextStride;
  if (register === map.threshold) return state.threshold[context]!;
  return register === map.claim ? claim(state, context) : 0;
}

function write(state: PlicState, offset: number, value: number): void {
  if (offset < map.pending) {
    const source = offset >>> 2;
    if (source >= 1 && source <= state.sources) state.priority[source] = value & priorityMask;
  } else if (offset >= map.enable && offset < map.context) {
    const at = offset - map.enable;
    const enable = state.enable[Math.floor(at / map.enableStride)];
    const word = (at % map.enableStride) >>> 2;
    if (enable !== undefined && word < enable.length) enable[word] = (value & existing(state, word)) >>> 0;
  } else if (offset >= map.context) {
    const context = Math.floor((offset - map.context) / map.contextStride);
    if (context >= state.contexts) return;
    const register = offset % map.contextStride;
    if (register === map.threshold) state.threshold[context] = value & priorityMask;
    else if (register === map.claim) complete(state, context, value);
  }
}

/** Registers are 32 bits wide: narrower or misaligned accesses read zero and write nothing. The host drives lines itself. */
export const plic: DeviceModel<PlicState> = {
  name: 'plic',
  size: virtMap.plic.size,
  read: (state: PlicState, _bus: DeviceBus, offset: number, size: 1 | 2 | 4): number =>
    size === 4 && (offset & 3) === 0 ? read(state, offset) : 0,
  write: (state: PlicState, _bus: DeviceBus, offset: number, size: 1 | 2 | 4, value: number): void => {
    if (size === 4 && (offset & 3) === 0) write(state, offset, value);
  },
  reset: (state: PlicState): void => {
    const { lines } = state;
    Object.assign(state, createPlic(state.contexts, state.sources, state.edges), { lines });
    for (let source = 1; source <= state.sources; source++) forward(state, source);
  },
};
