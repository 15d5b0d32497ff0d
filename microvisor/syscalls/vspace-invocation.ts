// Invocations of Page, PageTable, ASIDControl and ASIDPool. Where a VSpace is asked for, a guest root does too: the mapping is then
// one of stage 2, from guest-physical addresses.

import { lookupFailure } from '../abi/faults.ts';
import { asidsPerPool, sizeBits, userTop } from '../abi/limits.ts';
import { vmAttribute } from '../abi/rights.ts';
import {
  findVSpaceForASID,
  isPageTable,
  isValid,
  lookupPTSlot,
  makeUserPTE,
  refreshRoots,
  spaceTop,
  tableEntry,
  unmapPage,
  unmapPageTable,
  updatePTE,
} from '../address-space.ts';
import { capSize, maskVMRights, rightsFromWord } from '../cspace/capability.ts';
import { cteInsert, hasChildren, isFinalCapability } from '../cspace/derivation.ts';
import { lookupSlotForCNodeOp } from '../cspace/lookup.ts';
import type { Kernel } from '../kernel.ts';
import type { FrameCap, PageTableCap, PlainCap } from '../objects.ts';
import { AsidPool, type AsidRoot, type Cap, type Capability, capType } from '../objects.ts';
import { Answer, type Result, refusal, SyscallError } from '../outcome.ts';
import type { Invocation, Methods } from './invocation.ts';

const invalidRoot = refusal.failedLookup(false, { type: lookupFailure.invalidRoot });

/** The address space that a capability names, if it has an ASID. */
function decodeSpace(kernel: Kernel, cap: PageTableCap): AsidRoot | SyscallError {
  const root = findVSpaceForASID(kernel, cap.asid);
  if (root === null) return invalidRoot;
  return root.address === cap.address ? root : refusal.invalidCapability(1);
}
const isMappedTable = (cap: Capability): cap is PageTableCap => cap.type === capType.pageTable && cap.mapped;

export const pageTableMethods: Methods<PageTableCap> = {
  RISCVPageTableMap: [2, 1, mapTable],
  RISCVPageTableUnmap: [0, 0, unmapTable],
};

function mapTable(kernel: Kernel, invocation: Invocation, cap: PageTableCap): Result {
  // A guest root is nobody's child table.
  if (cap.mapped || cap.guestLevels !== 0) return refusal.invalidCapability(0);
  const address = invocation.number(0);
  const space = invocation.extraCap(0);
  if (!isMappedTable(space)) return refusal.invalidCapability(1);
  if (address >= spaceTop(space, userTop)) return refusal.invalidArgument(0);
  const root = decodeSpace(kernel, space);
  if (root instanceof SyscallError) return root;
  const { bitsLeft, entry, address: at } = lookupPTSlot(kernel, root, address);
  if (bitsLeft === sizeBits.page || isValid(entry)) return refusal.deleteFirst;
  const mappedAddress = Math.floor(address / 2 ** bitsLeft) * 2 ** bitsLeft;
  invocation.slot.cap = { ...cap, mapped: true, asid: space.asid, mappedAddress };
  updatePTE(kernel, at, tableEntry(cap.address), root);
}

function unmapTable(kernel: Kernel, { slot }: Invocation, cap: PageTableCap): Result {
  if (!isFinalCapability(slot)) return refusal.revokeFirst;
  if (cap.mapped) {
    if (findVSpaceForASID(kernel, cap.asid)?.address === cap.address) return refusal.revokeFirst;
    unmapPageTable(kernel, cap);
    kernel.clearMemory(cap.address, capSize(cap));
  }
  slot.cap = { ...cap, mapped: false };
}

export const frameMethods: Methods<FrameCap> = {
  RISCVPageMap: [3, 1, mapFrame],
  RISCVPageUnmap: [0, 0, unmapFrame],
  RISCVPageGetAddress: [0, 0, (_, __, cap) => new Answer([BigInt(cap.address)])],
};

function unmapFrame(kernel: Kernel, { slot }: Invocation, cap: FrameCap): undefined {
  unmapPage(kernel, cap);
  slot.cap = { ...cap, asid: 0, mappedAddress: 0 };
}

function mapFrame(kernel: Kernel, invocation: Invocation, cap: FrameCap): Result {
  const address = invocation.number(0);
  const space = invocation.extraCap(0);
  if (!isMappedTable(space)) return refusal.invalidCapability(1);
  const root = decodeSpace(kernel, space);
  if (root instanceof SyscallError) return root;
  const size = 2 ** cap.sizeBits;
  // The sum wraps like the machine's words do.
  const last = Number(BigInt.asUintN(64, invocation.word(0) + BigInt(size - 1)));
  if (last >= spaceTop(root, userTop)) return refusal.invalidArgument(0);
  if (BigInt.asUintN(cap.sizeBits, invocation.word(0)) !== 0n) return refusal.alignmentError;
  const { bitsLeft, entry, address: at } = lookupPTSlot(kernel, root, address);
  if (bitsLeft !== cap.sizeBits) {
    return refusal.failedLookup(false, { type: lookupFailure.missingCapability, bitsLeft });
  }
  if (cap.asid !== 0) {
    if (cap.asid !== space.asid) return refusal.invalidCapability(1);
    if (cap.mappedAddress !== address) return refusal.invalidArgument(0);
    if (isPageTable(entry)) return refusal.deleteFirst;
  } else if (isValid(entry)) {
    return refusal.deleteFirst;
  }
  const rights = maskVMRights(cap.rights, rightsFromWord(invocation.word(1)));
  const executable = (invocation.word(2) & BigInt(vmAttribute.executeNever)) === 0n;
  invocation.slot.cap = { ...cap, asid: space.asid, mappedAddress: address };
  updatePTE(kernel, at, makeUserPTE(cap.address, executable, rights), root, address);
}

export const asidControlMethods: Methods<PlainCap> = { RISCVASIDControlMakePool: [2, 2, makePool] };

function makePool(kernel: Kernel, invocation: Invocation): Result {
  const parent = invocation.extraSlot(0);
  const untyped = parent.cap;
  const index = kernel.asidTable.indexOf(null);
  if (index < 0) return refusal.deleteFirst;
  if (untyped.type !== capType.untyped || untyped.sizeBits !== sizeBits.asidPool || untyped.device) {
    return refusal.invalidCapability(1);
  }
  if (hasChildren(parent)) return refusal.revokeFirst;
  const destination = lookupSlotForCNodeOp(
    kernel,
    false,
    invocation.extraCap(1),
    invocation.word(0),
    invocation.word(1),
  );
  if (destination instanceof SyscallError) return destination;
  if (destination.cap.type !== capType.null) return refusal.deleteFirst;
  parent.cap = { ...untyped, watermark: capSize(untyped) };
  kernel.clearMemory(untyped.address, capSize(untyped));
  const pool = new AsidPool(untyped.address, untyped.sizeBits);
  cteInsert(kernel, { type: capType.asidPool, pool, base: index * asidsPerPool }, parent, destination);
  kernel.asidTable[index] = pool;
}

export const asidPoolMethods: Methods<Cap<'asidPool'>> = { RISCVASIDPoolAssign: [0, 1, assign] };

function assign(kernel: Kernel, invocation: Invocation, cap: Cap<'asidPool'>): Result {
  const space = invocation.extraSlot(0);
  const table = space.cap;
  if (table.type !== capType.pageTable || table.mapped) return refusal.invalidCapability(1);
  const pool = kernel.asidTable[cap.base / asidsPerPool] ?? null;
  if (pool === null) return invalidRoot;
  if (pool !== cap.pool) return refusal.invalidCapability(0);
  // ASID 0 stands for none.
  const index = pool.roots.findIndex((root, at) => root === null && cap.base + at !== 0);
  if (index < 0) return refusal.deleteFirst;
  space.cap = { ...table, asid: cap.base + index, mappedAddress: 0, mapped: true };
  pool.roots[index] = { asid: cap.base + index, address: table.address, guestLevels: table.guestLevels };
  refreshRoots(kernel);
}
