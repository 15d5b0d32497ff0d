// Address spaces: page tables in RAM as the hart's MMU walks them, the ASIDs that name them, and fences.

import { csrOffset } from '../hw/engine/layout.ts';
import type { FenceScope } from '../hw/hart/hart.ts';
import { asidsPerPool, sizeBits } from './abi/limits.ts';
import type { Kernel } from './kernel.ts';
import type { AsidRoot, FrameCap, PageTableCap, Tcb, VmRights } from './objects.ts';
import { capType, tcbSlot, vmRights } from './objects.ts';

/** Bits of a page table entry (privileged specification, Sv39). */
const pte = { valid: 1, read: 2, write: 4, execute: 8, user: 16, accessed: 64, dirty: 128 } as const;
const leaf = BigInt(pte.read | pte.write | pte.execute);
const entryBits = 9;
const asidLowBits = 31 - Math.clz32(asidsPerPool);

export const findVSpaceForASID = (kernel: Kernel, asid: number): AsidRoot | null =>
  kernel.asidTable[asid >>> asidLowBits]?.roots[asid & (asidsPerPool - 1)] ?? null;

/** First address beyond those of an address space. Guest-physical addresses have two bits more (privileged spec, 22.5.1). */
export const spaceTop = (root: AsidRoot, userTop: number): number =>
  root.guestLevels === 0 ? userTop : 2 ** (sizeBits.page + entryBits * root.guestLevels + 2);

/** An entry of a page table. */
export interface PageTableSlot {
  readonly address: number;
  readonly entry: bigint;
  /** Binary logarithm of what the entry maps. */
  readonly bitsLeft: number;
}
export const isValid = (entry: bigint): boolean => (entry & 1n) !== 0n;
export const isPageTable = (entry: bigint): boolean => isValid(entry) && (entry & leaf) === 0n;
export const entryAddress = (entry: bigint): number => Number((entry >> 10n) & 0xfff_ffff_ffffn) * 4096;

/** The deepest existing entry for an address, or the one that leads to `table`, if that comes first. */
export function lookupPTSlot(kernel: Kernel, root: AsidRoot, address: number, table = -1): PageTableSlot {
  const isGuest = root.guestLevels !== 0;
  let level = (isGuest ? root.guestLevels : 3) - 1;
  let at = root.address;
  let indexSize = 2 ** (isGuest ? entryBits + 2 : entryBits);
  for (;;) {
    const bitsLeft = sizeBits.page + entryBits * level;
    const slot = at + 8 * (Math.floor(address / 2 ** bitsLeft) % indexSize);
    const entry = kernel.loadWord(slot);
    at = entryAddress(entry);
    if (level === 0 || !isPageTable(entry) || at === table) return { address: slot, entry, bitsLeft };
    indexSize = 2 ** entryBits;
    level--;
  }
}

const ppn = (physical: number): bigint => BigInt(physical / 4096) << 10n;
export const tableEntry = (physical: number): bigint => ppn(physical) | BigInt(pte.valid);
/** A leaf for user mode; stage-2 leaves need the U bit as well. 0: it would allow nothing. */
export function makeUserPTE(physical: number, executable: boolean, rights: VmRights): bigint {
  const readable = rights !== vmRights.kernelOnly;
  if (!readable && !executable) return 0n;
  let bits = pte.valid | pte.user | pte.accessed | pte.dirty;
  if (readable) bits |= pte.read;
  if (rights === vmRights.readWrite) bits |= pte.write;
  if (executable) bits |= pte.execute;
  return ppn(physical) | BigInt(bits);
}

/** Writes an entry; when this returns no hart uses the old one. */
export function updatePTE(kernel: Kernel, at: number, entry: bigint, root: AsidRoot, address?: number): void {
  kernel.storeWord(at, entry);
  kernel.charge(kernel.costs.map);
  fenceSpace(kernel, root, address);
}

/** Drops cached translations of an address space (of one address) on every hart. */
function fenceSpace(kernel: Kernel, { asid, guestLevels }: AsidRoot, address?: number): void {
  const scope: FenceScope =
    guestLevels === 0 ? { stage: 'first', virtual: false, asid } : { stage: 'guest', virtual: true, vmid: asid };
  if (address !== undefined) scope.address = BigInt(address);
  for (const hart of kernel.machine.harts) hart.port.fence(scope);
}

/** Takes a frame's mapping away, if it is still there. */
export function unmapPage(kernel: Kernel, cap: FrameCap): void {
  const root = findVSpaceForASID(kernel, cap.asid);
  if (root === null) return;
  const { address, entry, bitsLeft } = lookupPTSlot(kernel, root, cap.mappedAddress);
  if (bitsLeft !== cap.sizeBits || !isValid(entry) || isPageTable(entry) || entryAddress(entry) !== cap.address) return;
  updatePTE(kernel, address, 0n, root, cap.mappedAddress);
}

/** Takes a page table out of its address space, if it is still there. */
export function unmapPageTable(kernel: Kernel, cap: PageTableCap): void {
  const root = findVSpaceForASID(kernel, cap.asid);
  if (root === null) return;
  const { address, entry } = lookupPTSlot(kernel, root, cap.mappedAddress, cap.address);
  if (isPageTable(entry) && entryAddress(entry) === cap.address) updatePTE(kernel, address, 0n, root);
}

/** An address space goes: its ASID is free, and no hart runs in it any longer. */
export function deleteASID(kernel: Kernel, root: AsidRoot): void {
  fenceSpace(kernel, root);
  kernel.asidTable[Math.floor(root.asid / asidsPerPool)]!.roots[root.asid % asidsPerPool] = null;
  refreshRoots(kernel);
}
export function deleteASIDPool(kernel: Kernel, base: number): void {
  const pool = kernel.asidTable[base / asidsPerPool]!;
  kernel.asidTable[base / asidsPerPool] = null;
  for (const root of pool.roots) if (root !== null) fenceSpace(kernel, root);
  refreshRoots(kernel);
}
const noRoot: AsidRoot = { asid: 0, address: 0, guestLevels: 3 };
/** What an ASID stands for has changed. A virtual hart forgets a root that is gone: another may come to its place and its ASID. */
export function refreshRoots(kernel: Kernel): void {
  for (const tcb of kernel.threads) {
    tcb.space = null;
    if (tcb.vcpu !== null && vmRootOf(kernel, tcb) === null) tcb.vcpu.root = noRoot;
  }
  for (const node of kernel.nodes) if (node.current !== node.idle) setVMRoot(kernel, node.current);
}

/** The address space that a thread has to run in; null: it has none that is valid, and must find nothing mapped. */
export function vmRootOf(kernel: Kernel, { vcpu, slots }: Tcb): AsidRoot | null {
  const { cap } = slots.slot(tcbSlot.vTable);
  const named = vcpu !== null ? vcpu.root! : cap.type === capType.pageTable ? cap : null;
  const root = named && findVSpaceForASID(kernel, named.asid);
  return root?.address === named?.address ? root : null;
}

const satp = csrOffset('satp');
const hgatp = csrOffset('hgatp');
const sv39 = 8;
const rootRegister = ({ vcpu }: Tcb): number => (vcpu === null ? satp : hgatp);
const rootLow = (kernel: Kernel, root: AsidRoot | null): number => (root?.address ?? kernel.emptyRoot) / 4096;
/** Sv39x4 is mode 8 as well, Sv48x4 mode 9. */
const rootHigh = (root: AsidRoot | null): number =>
  root === null ? sv39 << 28 : ((root.guestLevels === 4 ? sv39 + 1 : sv39) << 28) | (root.asid << 12);

/** Whether the context of a thread is in an address space; null: the empty one. */
export function runsIn(kernel: Kernel, tcb: Tcb, root: AsidRoot | null): boolean {
  const { context } = tcb;
  const register = rootRegister(tcb);
  return context.low(register) === rootLow(kernel, root) && (context.high(register) | 0) === rootHigh(root);
}

/** Makes the thread's address space that of its context. */
export function setVMRoot(kernel: Kernel, tcb: Tcb): void {
  if (tcb.vcpu === null) {
    const { cap } = tcb.slots.slot(tcbSlot.vTable);
    if (cap === tcb.space) return;
    tcb.space = cap;
  }
  const root = vmRootOf(kernel, tcb);
  if (runsIn(kernel, tcb, root)) return;
  const { context } = tcb;
  context.setLow(rootRegister(tcb), rootLow(kernel, root));
  context.setHigh(rootRegister(tcb), rootHigh(root));
  context.bankEpoch = -1;
}
