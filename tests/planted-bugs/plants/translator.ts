// Bugs in the translator: regions that are entered or go on where they must not.

import type { Finder, Plant } from '../plant.ts';

const accesses = (test: string): Finder[] => [{ file: 'tests/hw/engine/translator-accesses.test.ts', test }];
const calls = (test: string): Finder[] => [{ file: 'tests/hw/engine/translator-calls.test.ts', test }];
const pages = (test: string): Finder[] => [{ file: 'tests/hw/engine/translator-pages.test.ts', test }];
const physical = (test: string): Finder[] => [{ file: 'tests/hw/engine/translator-physical.test.ts', test }];
const found = (test: string): Finder[] => [{ file: 'tests/hw/engine/translator-found-pages.test.ts', test }];
const waiting = (test: string): Finder[] => [{ file: 'tests/hw/engine/translator-waiting.test.ts', test }];

export const translatorPlants: readonly Plant[] = [
  {
    name: 'a region goes where the call said though ra was loaded meanwhile',
    file: 'hw/engine/translator/region.ts',
    find: 'node.end = written || imm !== 0 ?',
    replace: 'node.end = imm !== 0 ?',
    foundBy: calls('what it loads into ra decides'),
  },
  {
    name: 'a call through t0 says where ret goes',
    file: 'hw/engine/translator/region.ts',
    find: 'const inner = rd === ra ?',
    replace: 'const inner = rd === ra || rd === 5 ?',
    foundBy: calls('a call that leaves its return address in t0 does not say where ret goes'),
  },
  {
    name: 'a region outlives the predecoded code of its pages',
    file: 'hw/engine/translator/translator.ts',
    find: 'code.onReleased = (page) => this.pageLost(page);',
    replace: '',
    foundBy: pages('goes when its second page loses its predecoded code'),
  },
  {
    name: 'a region is entered wherever its second page is',
    file: 'hw/engine/regions.ts',
    find: '.and(load.i32(cached, 12).eq(load.i32(at.get, regionEntry.pages + 4)))',
    replace: '',
    foundBy: pages('is not entered where the second is another one'),
  },
  {
    name: 'a region at address 0 is entered without a look at its pages',
    file: 'hw/engine/translator/translator.ts',
    find: 'memory.u32[(entry + regionEntry.page) >>> 2] = noPage;',
    replace: '',
    foundBy: pages('at address 0 as anywhere'),
  },
  {
    name: 'a translation for fetches makes room for another unnoticed',
    file: 'hw/engine/access.ts',
    find: 'f.if(load.i64(entry).and(0x800).eqz(), () => {',
    replace: 'f.if(I32.of(0), () => {',
    foundBy: pages('has taken the place of its second in the TLB'),
  },
  {
    name: 'a region does not ask whether floating point is on',
    file: 'hw/engine/translator/translation.ts',
    find: 'load.i32(context, fields.fpOff).or(frm.gtU(4))',
    replace: 'frm.gtU(4)',
    foundBy: accesses('traps while it is off, and while frm is reserved if it depends on it'),
  },
  {
    name: 'an access across the end of a page takes the next page to be the next one in memory',
    file: 'hw/engine/translator/instruction-template.ts',
    find: '.or(crossesPage(va, size))',
    replace: '',
    foundBy: accesses('reaches both pages, however the second is mapped'),
  },
  {
    name: 'a loop that stores is taken to wait',
    file: 'hw/engine/translator/translation.ts',
    find: 'if (changesMemory || usesFp || ',
    replace: 'if (usesFp || ',
    foundBy: waiting('but counts, stores, or changes what it reads, makes every turn'),
  },
  {
    name: 'a loop that changes what it reads is taken to wait',
    file: 'hw/engine/translator/translation.ts',
    find: 'read[written] === 1',
    replace: 'read[written] === 2',
    foundBy: waiting('but counts, stores, or changes what it reads, makes every turn'),
  },
  {
    name: 'a loop with two ways through it is taken to wait if one of them does',
    file: 'hw/engine/translator/control-flow.ts',
    find: 'if (this.isMerge(node) || this.isLoopHead(node)) return undefined;',
    replace: '',
    foundBy: waiting('but counts, stores, or changes what it reads, makes every turn'),
  },
  {
    name: 'a loop that waits ends in the middle of a turn as if at its head',
    file: 'hw/engine/translator/translation.ts',
    find: 'frame.left.get.remU(turn.length)',
    replace: 'frame.left.get.remU(1)',
    foundBy: waiting('is interrupted where it would have been'),
  },
  {
    name: 'a region of M-mode stores to watched pages unnoticed',
    file: 'hw/engine/translator/instruction-template.ts',
    find: '.and(pageFlags.code | pageFlags.watched);',
    replace: '.and(pageFlags.code);',
    foundBy: physical('is told of if it stores to a watched page, however hot it is'),
  },
  {
    name: 'a region of M-mode stores to code unnoticed',
    file: 'hw/engine/translator/instruction-template.ts',
    find: '.and(pageFlags.code | pageFlags.watched);',
    replace: '.and(pageFlags.watched);',
    foundBy: physical('that reaches code'),
  },
  {
    name: 'regions of M-mode look pages up as all others do',
    file: 'hw/engine/access.ts',
    find: "f.store('i32', bank, configs.and(lockedEntries).eqz(), tlb.open);",
    replace: "f.store('i32', bank, configs.and(0), tlb.open);",
    foundBy: physical('faults as soon as it reaches beyond either end of RAM'),
  },
  {
    name: 'a region that looks nothing up is entered wherever M-mode may not store to all of RAM',
    file: 'hw/engine/regions.ts',
    find: 'return load.u16(entry, regionEntry.open).ne(0).and(load.i32(dataBank, tlb.open).eqz());',
    replace: 'return load.u16(entry, regionEntry.open).and(load.i32(dataBank, tlb.open)).and(0);',
    foundBy: [
      ...physical('is refused once an entry of the PMP that forbids it is locked'),
      ...physical('is translated while mstatus.MPRV says so'),
    ],
  },
  {
    name: 'pages that a region has found stay found when it is entered again',
    file: 'hw/engine/translator/translation.ts',
    find: "for (const found of this.foundPages) f.store('i64', I32.of(0), noTag, found + foundPage.tag);",
    replace: '',
    foundBy: [
      ...found('a page that gets code between two entries of a region is not stored to unnoticed'),
      ...found('a page that is mapped elsewhere between two entries of a region is found there'),
    ],
  },
];
