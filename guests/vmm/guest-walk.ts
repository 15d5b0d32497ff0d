// The guest's own page tables, walked in software: for the rare exit that does not say what it wanted, and for the SBI's
// legacy calls, which pass pointers in the caller's address space (privileged spec, 12.3 to 12.5).

import type { MonitorPort } from './monitor-port.ts';
import type { GuestRam } from './vm.ts';

/** What is to be done there, by VS-mode or by VU-mode. */
export interface WalkRequest {
  access: 'fetch' | 'load';
  user: boolean;
  /** SUM and MXR of vsstatus. */
  status: bigint;
}

/** A guest physical address, or the kind of fault that the access would have. */
export type Walked = number | 'page-fault' | 'access-fault';

const pte = { v: 1n, r: 2n, w: 4n, x: 8n, u: 16n, a: 64n, d: 128n };
/** Reserved bits of an entry, PBMT among them. */
const reserved = 0x7fc0_0000_0000_0000n;
const napot = 1n << 63n;
const napotBits = 16n;
const status = { sum: 1n << 18n, mxr: 1n << 19n };
const pageNumber = (1n << 44n) - 1n;
const pageBits = 12n;

/**
 * Translates `address` by the table that `vsatp` names. It sets no accessed bits: nothing is accessed that the hart has not
 * accessed, or will not.
 */
export function walk(port: MonitorPort, ram: GuestRam, vsatp: bigint, address: bigint, request: WalkRequest): Walked {
  const mode = vsatp >> 60n;
  if (mode === 0n) return physical(address);
  const levels = mode - 5n;
  if (levels < 3n || levels > 5n) return 'page-fault';
  const bits = pageBits + 9n * levels;
  if (BigInt.asUintN(64, BigInt.asIntN(Number(bits), address)) !== address) return 'page-fault';
  let table = (vsatp & pageNumber) << pageBits;
  for (let level = levels - 1n; level >= 0n; level--) {
    const shift = pageBits + 9n * level;
    const entry = loadEntry(port, ram, table + 8n * ((address >> shift) & 0x1ffn));
    if (entry === undefined) return 'access-fault';
    if ((entry & pte.v) === 0n || (entry & (pte.r | pte.w)) === pte.w || (entry & reserved) !== 0n) return 'page-fault';
    const page = (entry >> 10n) & pageNumber;
    if ((entry & (pte.r | pte.x)) === 0n) {
      if ((entry & (pte.u | pte.a | pte.d | napot)) !== 0n) return 'page-fault';
      table = page << pageBits;
      continue;
    }
    if (!allows(entry, request)) return 'page-fault';
    let span = shift;
    if ((entry & napot) !== 0n) {
      if (level !== 0n || (page & 15n) !== 8n) return 'page-fault';
      span = napotBits;
    } else if ((page & ((1n << (9n * level)) - 1n)) !== 0n) return 'page-fault';
    const offset = (1n << span) - 1n;
    return physical(((page << pageBits) & ~offset) | (address & offset));
  }
  return 'page-fault';
}

function allows(entry: bigint, { access, user, status: bits }: WalkRequest): boolean {
  const ofUser = (entry & pte.u) !== 0n;
  if (user !== ofUser && (user || access === 'fetch' || (bits & status.sum) === 0n)) return false;
  if (access === 'fetch') return (entry & pte.x) !== 0n;
  return (entry & ((bits & status.mxr) === 0n ? pte.r : pte.r | pte.x)) !== 0n;
}

function loadEntry(port: MonitorPort, { base, bytes }: GuestRam, address: bigint): bigint | undefined {
  if (address < BigInt(base) || address + 8n > BigInt(base + bytes)) return undefined;
  return littleEndian(port.readRam(Number(address), 8));
}

const physical = (address: bigint): Walked => (address < 1n << 52n ? Number(address) : 'access-fault');

export function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}
