// Bugs in capabilities: CSpaces, the derivation tree, untyped memory, deletion.

import type { Plant } from '../plant.ts';

const capabilities = 'tests/microvisor/capabilities.test.ts';
const addresses = 'tests/microvisor/capability-addresses.test.ts';

export const capabilityPlants: readonly Plant[] = [
  {
    name: 'an address beyond a CNode leads back into it',
    file: 'microvisor/cspace/lookup.ts',
    find: 'if (!guardMatches(cap, low, high, left)) {',
    replace: 'if (cap.guardSize < 32 && !guardMatches(cap, low, high, left)) {',
    foundBy: [{ file: capabilities, test: 'no cell can name what its CSpace lacks' }],
  },
  {
    name: 'a capability that is beside a message need not exist',
    file: 'microvisor/transfer.ts',
    find: 'if (slot === null) return ipcBuffer.capsOrBadges + i;',
    replace: 'if (slot === null) continue;',
    foundBy: [{ file: capabilities, test: 'no cell can name what its CSpace lacks' }],
  },
  {
    name: 'a derived endpoint has all rights',
    file: 'microvisor/cspace/capability.ts',
    find: `canReceive: cap.canReceive && allows(right.read),
        canGrant:`,
    replace: `canReceive: allows(right.read),
        canGrant:`,
    foundBy: [{ file: capabilities, test: "derived rights never exceed the parent's" }],
  },
  {
    name: 'a derived frame has all rights',
    file: 'microvisor/cspace/capability.ts',
    find: 'return rights === vmRights.readWrite && (mask & right.write)',
    replace: 'return (mask & right.write)',
    foundBy: [{ file: capabilities, test: "derived rights never exceed the parent's" }],
  },
  {
    name: 'a derived reply object may grant',
    file: 'microvisor/cspace/capability.ts',
    find: '{ ...cap, canGrant: cap.canGrant && allows(right.grant) }',
    replace: '{ ...cap, canGrant: allows(right.grant) }',
    foundBy: [{ file: capabilities, test: "derived rights never exceed the parent's" }],
  },
  {
    name: 'revoking a badge spares its copies',
    file: 'microvisor/cspace/derivation.ts',
    find: 'return a.cap.badge === (b.cap as typeof a.cap).badge && !b.firstBadged;',
    replace: 'return false;',
    foundBy: [{ file: capabilities, test: 'revoke removes all descendants and only those' }],
  },
  {
    name: 'revoking a badge takes its namesakes',
    file: 'microvisor/cspace/derivation.ts',
    find: ' && !b.firstBadged;',
    replace: ';',
    foundBy: [{ file: capabilities, test: 'revoke removes all descendants and only those' }],
  },
  {
    name: 'revoking a copy takes its siblings',
    file: 'microvisor/cspace/derivation.ts',
    find: 'if (!a.revocable || !sameRegionAs(a.cap, b.cap)) return false;',
    replace: 'if (!sameRegionAs(a.cap, b.cap)) return false;',
    foundBy: [{ file: capabilities, test: 'revoke removes all descendants and only those' }],
  },
  {
    name: 'revoking an untyped takes its neighbour',
    file: 'microvisor/cspace/capability.ts',
    find: 'return base >= a.address && base + capSize(b)',
    replace: 'return base >= 0 && base + capSize(b)',
    foundBy: [
      {
        file: capabilities,
        test: 'revoking an untyped takes all that was made of it, wherever it went, and nothing else',
      },
    ],
  },
  {
    name: 'revoke runs to its end whatever waits',
    file: 'microvisor/deletion.ts',
    find: `    if (!cteDelete(kernel, slot.next, true)) return false;
    if (!preemptionPoint(kernel)) return false;`,
    replace: '    if (!cteDelete(kernel, slot.next, true)) return false;',
    foundBy: [{ file: capabilities, test: 'revoke of a large tree is preemptible and resumes' }],
  },
  {
    name: 'a preempted revoke is taken for done',
    file: 'microvisor/deletion.ts',
    find: `    if (!cteDelete(kernel, slot.next, true)) return false;
    if (!preemptionPoint(kernel)) return false;`,
    replace: `    if (!cteDelete(kernel, slot.next, true)) return false;
    if (!preemptionPoint(kernel)) return true;`,
    foundBy: [{ file: capabilities, test: 'revoke of a large tree is preemptible and resumes' }],
  },
  {
    name: 'a badged capability takes another badge',
    file: 'microvisor/cspace/capability.ts',
    find: '!preserve && cap.badge === 0n ?',
    replace: '!preserve ?',
    foundBy: [{ file: capabilities, test: 'a badge cannot be changed by its holder' }],
  },
  {
    name: 'a badged capability takes another badge when it moves',
    file: 'microvisor/cspace/capability.ts',
    find: '!preserve && cap.badge === 0n ?',
    replace: 'preserve || cap.badge === 0n ?',
    foundBy: [{ file: capabilities, test: 'a badge cannot be changed by its holder' }],
  },
  {
    name: 'those that send to an endpoint wait on when it goes',
    file: 'microvisor/deletion.ts',
    find: `      cancelAll(kernel, cap.endpoint);
`,
    replace: '',
    foundBy: [{ file: capabilities, test: 'delete while a peer is blocked unblocks it' }],
  },
  {
    name: 'those that wait for a notification wait on when it goes',
    file: 'microvisor/deletion.ts',
    find: `      cancelAll(kernel, notification);
`,
    replace: '',
    foundBy: [{ file: capabilities, test: 'delete while a peer is blocked unblocks it' }],
  },
  {
    name: 'deleting one of two capabilities to an endpoint ends its use',
    file: 'microvisor/deletion.ts',
    find: 'return isFinalCapability(slot) ? finaliseObject(kernel, cap) : null;',
    replace: 'return finaliseObject(kernel, cap);',
    foundBy: [{ file: capabilities, test: 'delete while a peer is blocked unblocks it' }],
  },
  {
    name: 'guards of one bit match whatever comes',
    file: 'microvisor/cspace/lookup.ts',
    find: '  if (guardSize > bits) return false;',
    replace: `  if (guardSize > bits) return false;
  if (guardSize === 1) return true;`,
    foundBy: [{ file: addresses, test: 'guards and depths resolve as the manual says' }],
  },
  {
    name: 'a guard longer than what is left counts as a depth mismatch',
    file: 'microvisor/cspace/lookup.ts',
    find: 'if (guardSize > bits) return false;',
    replace: 'if (guardSize > bits) return true;',
    foundBy: [{ file: addresses, test: 'guards and depths resolve as the manual says' }],
  },
  {
    name: 'an operation need not use up its depth',
    file: 'microvisor/cspace/lookup.ts',
    find: 'if (bitsRemaining !== 0) {',
    replace: 'if (bitsRemaining > 2) {',
    foundBy: [{ file: addresses, test: 'guards and depths resolve as the manual says' }],
  },
  {
    name: 'only half of a wide guard is compared',
    file: 'microvisor/cspace/lookup.ts',
    find: 'field(low, high, shift + 32, guardSize - 32) === cap.guardHigh',
    replace: 'shift >= 0',
    foundBy: [
      { file: addresses, test: 'resolve in tables of any guards, and whatever lies above the depth is ignored' },
    ],
  },
  {
    name: 'objects are not aligned',
    file: 'microvisor/syscalls/untyped-invocation.ts',
    find: 'Math.ceil((cap.address + watermark) / objectSize) * objectSize',
    replace: 'cap.address + watermark',
    foundBy: [{ file: capabilities, test: 'Untyped: alignment, exhaustion, reset when the last child dies' }],
  },
  {
    name: 'an untyped never runs out',
    file: 'microvisor/syscalls/untyped-invocation.ts',
    find: 'if (Math.floor(free / objectSize) < nodeWindow) return refusal.notEnoughMemory(free);',
    replace: '',
    foundBy: [{ file: capabilities, test: 'Untyped: alignment, exhaustion, reset when the last child dies' }],
  },
  {
    name: 'an untyped is not cleared when its last child dies',
    file: 'microvisor/syscalls/untyped-invocation.ts',
    find: 'kernel.clearMemory(cap.address + offset, resetChunk);',
    replace: '',
    foundBy: [{ file: capabilities, test: 'Untyped: alignment, exhaustion, reset when the last child dies' }],
  },
  {
    name: 'an untyped stays used when its last child dies',
    file: 'microvisor/syscalls/untyped-invocation.ts',
    find: 'const reset = !hasChildren(slot);',
    replace: 'const reset = false;',
    foundBy: [{ file: capabilities, test: 'Untyped: alignment, exhaustion, reset when the last child dies' }],
  },
  {
    name: 'an untyped is used again while it has children',
    file: 'microvisor/syscalls/untyped-invocation.ts',
    find: 'const reset = !hasChildren(slot);',
    replace: 'const reset = true;',
    foundBy: [{ file: capabilities, test: 'Untyped: alignment, exhaustion, reset when the last child dies' }],
  },
  {
    name: 'revoking an untyped forgets badged capabilities',
    file: 'microvisor/deletion.ts',
    find: 'while (slot.next !== null && isMDBParentOf(slot, slot.next)) {',
    replace: `while (slot.next !== null && isMDBParentOf(slot, slot.next)) {
    if (slot.next.cap.type === capType.endpoint && slot.next.cap.badge !== 0n) return true;`,
    foundBy: [{ file: capabilities, test: 'a restart leaves no stale handle usable' }],
  },
];
