// Software and timer interrupts of M-mode: the MSWI and MTIMER devices of ACLINT at the offsets of a SiFive CLINT.

import type { DeviceBus, DeviceModel } from './device.ts';

export const aclintBase = 0x0200_0000;
export const aclintSize = 0x1_0000;

const map = { msip: 0, mtimecmp: 0x4000, mtime: 0xbff8 } as const;

/** Plain data: 64-bit registers are [low, high]. */
export interface AclintState {
  readonly harts: number;
  /** Period of mtime. */
  readonly nsPerTick: number;
  msip: number[];
  mtimecmp: [number, number][];
  /** What was added to the clock by writes to mtime, modulo 2^64. */
  mtimeOffset: [number, number];
}

const allOnes = 0xffff_ffff;

/** `nsPerTick` is 100 on QEMU's `virt`: 10 MHz. */
export function createAclint(harts: number, nsPerTick = 100): AclintState {
  return {
    harts,
    nsPerTick,
    msip: new Array<number>(harts).fill(0),
    mtimecmp: Array.from({ length: harts }, () => [allOnes, allOnes]),
    mtimeOffset: [0, 0],
  };
}

const join = ([low, high]: readonly [number, number]): bigint => (BigInt(high) << 32n) | BigInt(low);
const split = (value: bigint): [number, number] => [
  Number(value & 0xffff_ffffn),
  Number((value >> 32n) & 0xffff_ffffn),
];
const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);

const ticks = (state: AclintState, nowNs: number): bigint => BigInt(Math.floor(nowNs / state.nsPerTick));

/** mtime at a virtual time: what the time CSR reads. */
export function mtime(state: AclintState, nowNs: number): bigint {
  return u64(ticks(state, nowNs) + join(state.mtimeOffset));
}

/** Level of MSIP of a hart: changes at writes. */
export function softwareInterrupt(state: AclintState, hart: number): boolean {
  return state.msip[hart] === 1;
}

/**
 * The virtual time at which MTIP of a hart rises: the beginning of time if mtime has reached mtimecmp already, Infinity if
 * it will not in this age. It changes at writes only.
 */
export function timerRise(state: AclintState, nowNs: number, hart: number): number {
  const now = mtime(state, nowNs);
  const compare = join(state.mtimecmp[hart]!);
  if (now >= compare) return 0;
  const at = Number(ticks(state, nowNs) + compare - now) * state.nsPerTick;
  return at <= Number.MAX_SAFE_INTEGER ? at : Infinity;
}

function readWord(state: AclintState, nowNs: number, offset: number): number {
  const half = (offset >>> 2) & 1;
  if (offset < map.mtimecmp) return state.msip[offset >>> 2] ?? 0;
  if (offset >= map.mtime && offset < map.mtime + 8) return split(mtime(state, nowNs))[half]!;
  return state.mtimecmp[(offset - map.mtimecmp) >>> 3]?.[half] ?? 0;
}

function writeWord(state: AclintState, nowNs: number, offset: number, value: number): void {
  const half = (offset >>> 2) & 1;
  if (offset < map.mtimecmp) {
    const hart = offset >>> 2;
    if (hart < state.harts) state.msip[hart] = value & 1;
  } else if (offset >= map.mtime && offset < map.mtime + 8) {
    const next = split(mtime(state, nowNs));
    next[half] = value >>> 0;
    state.mtimeOffset = split(u64(join(next) - ticks(state, nowNs)));
  } else {
    const compare = state.mtimecmp[(offset - map.mtimecmp) >>> 3];
    if (compare !== undefined) compare[half] = value >>> 0;
  }
}

/** Registers are read and written in words; narrower or misaligned accesses read zero and write nothing. */
export const aclint: DeviceModel<AclintState> = {
  name: 'clint',
  size: aclintSize,
  read: (state: AclintState, bus: DeviceBus, offset: number, size: 1 | 2 | 4): number =>
    size === 4 && (offset & 3) === 0 ? readWord(state, bus.nowNs(), offset) : 0,
  write: (state: AclintState, bus: DeviceBus, offset: number, size: 1 | 2 | 4, value: number): void => {
    if (size !== 4 || (offset & 3) !== 0) return;
    writeWord(state, bus.nowNs(), offset, value);
  },
  reset: (state: AclintState): void => {
    Object.assign(state, createAclint(state.harts, state.nsPerTick));
  },
};
