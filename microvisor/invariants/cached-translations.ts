// Cached translations: whatever a bank of the machine's translation cache holds is what the page tables say now.

import { regimes } from '../../hw/engine/layout.ts';
import { ramBase } from '../../hw/engine/memory.ts';
import type { Translated, TranslatedSpace, TranslationCache } from '../../hw/engine/translation-cache.ts';
import { sizeBits } from '../abi/limits.ts';
import { entryAddress, findVSpaceForASID, lookupPTSlot } from '../address-space.ts';
import type { Kernel } from '../kernel.ts';
import type { AsidRoot } from '../objects.ts';
import { hex } from './names.ts';
import { eachEntry, entriesOf, levelsOf, pte } from './page-tables.ts';
import { violated } from './violation.ts';

const rule = 'cached translation';
const bit = { read: pte.read, write: pte.write, execute: pte.execute } as const;
const modeBare = 0n;

export function checkCachedTranslations(kernel: Kernel, cache: TranslationCache): void {
  const { ram } = kernel.machine.memory.layout;
  cache.eachTranslation((space, regime, kind, page, host) => {
    const physical = ramBase + host - ram;
    const what = new Cached(space, kind, page, physical);
    if (space.machine) violated(rule, `${what} is of M-mode, in which nothing runs`);
    if (!space.virtual && (regime & regimes.privilege) !== 0)
      violated(rule, `${what} is of S-mode, in which nothing runs`);
    const root = rootOf(kernel, space.virtual ? space.hgatp : space.atp, space.virtual);
    if (root === null) violated(rule, `${what} is of an address space that no ASID names`);
    // A guest's own tables are its own business, and so are fences for them: but not what they can lead to.
    if (space.virtual && space.atp >> 60n !== modeBare) {
      if (!reaches(kernel, root, kind, physical)) violated(rule, `${what} leads to what is not the guest's`);
      return;
    }
    const { entry, bitsLeft } = lookupPTSlot(kernel, root, page);
    const allowed = Number(entry & 0xffn);
    const mapped = entryAddress(entry) + (page % 2 ** bitsLeft);
    if ((allowed & pte.valid) === 0 || (allowed & bit[kind]) === 0 || mapped !== physical) {
      violated(rule, `${what}; the table says ${hex(mapped)} with flags ${hex(allowed)}`);
    }
  });
}

/** A translation in words, once they are needed. */
class Cached {
  constructor(
    private readonly space: TranslatedSpace,
    private readonly kind: Translated,
    private readonly page: number,
    private readonly physical: number,
  ) {}
  toString(): string {
    const { atp, hgatp, virtual } = this.space;
    const named = virtual ? `vsatp ${hex(atp)}, hgatp ${hex(hgatp)}` : `satp ${hex(atp)}`;
    return `${this.kind} of ${hex(this.page)} under ${named} goes to ${hex(this.physical)}`;
  }
}

/** The address space that satp or hgatp names, if an ASID still stands for that table. */
function rootOf(kernel: Kernel, atp: bigint, virtual: boolean): AsidRoot | null {
  const asid = Number((atp >> 44n) & (virtual ? 0x3fffn : 0xffffn));
  const root = findVSpaceForASID(kernel, asid);
  if (root === null || BigInt(root.address) !== (atp & 0xfff_ffff_ffffn) << 12n) return null;
  return virtual === (root.guestLevels !== 0) ? root : null;
}

/** Whether stage 2 maps a page somewhere. */
function reaches(kernel: Kernel, root: AsidRoot, kind: Translated, physical: number): boolean {
  let found = false;
  const walk = (table: number, level: number, entries: number): void => {
    const size = 2 ** (sizeBits.page + 9 * level);
    eachEntry(kernel, table, entries, (_, at, flags) => {
      if ((flags & (pte.read | pte.write | pte.execute)) === 0) walk(at, level - 1, 512);
      else found ||= (flags & bit[kind]) !== 0 && at <= physical && physical < at + size;
    });
  };
  walk(root.address, levelsOf(root) - 1, entriesOf(root));
  return found;
}
