// The page tables of random programs, which services change beneath them.

import type { Dice } from '../../../tools/dice.ts';
import { modes, PageTables, pte } from '../engine/page-tables.ts';
import {
  aclintPages,
  dataAlias,
  dataPages,
  dataStart,
  hartPages,
  large,
  programPages,
  programStart,
  ram,
  ramSize,
  shuffled,
  supervisorPage,
  tablesStart,
  top,
  uartPage,
  windowPages,
  windowStart,
} from './memory-map.ts';
import { constants } from './operands.ts';

/** Entries of page tables that services change. */
interface Entry {
  at: bigint;
  value: bigint;
  virtual: bigint;
}

/** A first stage, for S-mode or for U-mode. */
interface Space {
  atp: bigint;
  user: boolean;
}

/** Words of memory that are put there before the machine starts. */
class Image {
  readonly words = new Map<bigint, bigint>();
  memory(address: bigint): bigint {
    return this.words.get(address) ?? 0n;
  }
  store(address: bigint, value: bigint): void {
    this.words.set(address, value);
  }
}

export class Tables {
  readonly image = new Image();
  readonly entries: Entry[] = [];
  /** The entries of the window, in every space and every guest stage. */
  readonly windows: Entry[] = [];
  /** Where the window is: its page shares a place in the TLB with a page of the program. */
  readonly window: bigint;
  readonly spaces: Space[] = [];
  readonly guestStages: bigint[] = [];
  private next = tablesStart;

  constructor(private readonly dice: Dice) {
    this.window = windowStart + BigInt(dice.below(8) << 12);
    for (const user of [false, true, false, true]) this.addSpace(user);
    for (let index = 0; index < 2; index++) this.addGuestStage();
    const words = constants(dice, 128);
    for (let at = dataStart; at < dataStart + BigInt(dataPages << 12); at += 8n) this.image.store(at, dice.of(words));
  }

  private atp(tables: PageTables, mode: bigint, id: bigint): bigint {
    return tables.atp(mode) | (id << 44n);
  }

  private addSpace(user: boolean): void {
    const { dice } = this;
    const mode = dice.of([modes.sv39, modes.sv39, modes.sv48, modes.sv57]);
    const tables = new PageTables(this.image, this.next, Number(mode) - 5);
    const own = user ? pte.u : 0n;
    const all = pte.v | pte.r | pte.w | pte.x;
    // A and D may be left to the machine.
    const used = (): bigint => (dice.once(3) ? 0n : pte.a | pte.d);
    const map = (virtual: bigint, physical: bigint, flags: bigint, level = 0): void => {
      const value = ((physical >> 12n) << 10n) | flags | pte.v;
      const at = tables.map(virtual, physical, flags | pte.v, level);
      if (dice.once(3)) this.entries.push({ at, value, virtual });
    };
    tables.map(supervisorPage, supervisorPage, pte.v | pte.r | pte.x | pte.a);
    const order = Array.from({ length: programPages }, (_, page) => page);
    for (let left = 12; left > 0; left--) {
      // The first page stays: the program begins there.
      const [a, b] = [1 + dice.below(programPages - 1), 1 + dice.below(programPages - 1)];
      [order[a], order[b]] = [order[b]!, order[a]!];
    }
    for (const [page, other] of order.entries()) {
      const offset = BigInt(page) << 12n;
      map(programStart + offset, programStart + offset, all | own | used());
      map(shuffled + offset, programStart + (BigInt(other) << 12n), all | own | used());
    }
    for (let page = 0n; page < BigInt(dataPages); page++) {
      const access = dice.once(8) ? dice.of([pte.r | pte.w | pte.x, pte.r, pte.x]) : pte.r | pte.w;
      map(
        dataStart + (page << 12n),
        dataStart + (page << 12n),
        pte.r | pte.w | (dice.once(16) ? own ^ pte.u : own) | used(),
      );
      const other = BigInt(dice.below(dataPages));
      map(dataAlias + (page << 12n), dataStart + (other << 12n), access | own | used());
    }
    for (let hart = 0n; hart < 4n; hart++)
      map(hartPages + 0x8000n + (hart << 12n), hartPages + 0x8000n + (hart << 12n), all | own | used());
    for (const page of [...aclintPages, uartPage]) map(page, page, pte.r | pte.w | own | pte.a | pte.d);
    map(large, ram, all | own | used(), 1);
    map(top, ram, all | own | used(), 1);
    const shown = programStart + BigInt(windowPages[0] << 12);
    const value = ((shown >> 12n) << 10n) | all | own | pte.a | pte.d;
    this.windows.push({ at: tables.map(this.window, shown, all | own | pte.a | pte.d), value, virtual: this.window });
    this.spaces.push({ atp: this.atp(tables, mode, BigInt(1 + dice.below(3))), user });
    this.next += 0x1_8000n;
  }

  private addGuestStage(): void {
    const { dice } = this;
    const mode = dice.of([modes.sv39, modes.sv48]);
    const tables = new PageTables(this.image, this.next, Number(mode) - 5, true);
    const flags = pte.v | pte.r | pte.w | pte.x | pte.u | pte.a | pte.d;
    for (let page = 0n; page < 0x60n; page++) {
      const physical = ram + (page << 12n);
      // G-stage page tables are never A-less here: some entries are left to the machine all the same.
      const own = dice.once(5) ? flags & ~(pte.a | pte.d) : flags;
      const at = tables.map(physical, physical, own);
      if (physical === programStart + BigInt(windowPages[0] << 12))
        this.windows.push({ at, value: ((physical >> 12n) << 10n) | own, virtual: physical });
      const isData = physical >= dataStart && physical < hartPages;
      if (isData || dice.once(12))
        this.entries.push({ at, value: ((physical >> 12n) << 10n) | own, virtual: physical });
    }
    for (let page = 0x60n; page < BigInt(ramSize >> 12); page++)
      tables.map(ram + (page << 12n), ram + (page << 12n), flags);
    for (const page of [...aclintPages, uartPage]) tables.map(page, page, flags);
    this.guestStages.push(this.atp(tables, mode, BigInt(1 + dice.below(2))));
    this.next += 0x1_8000n;
  }
}
