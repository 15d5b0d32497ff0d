// Page tables for tests: builds them in RAM, and a second opinion on what an access through them does.

/** Where tables are written, a doubleword at a time. */
export interface TableMemory {
  memory(address: bigint): bigint;
  store(address: bigint, value: bigint): void;
}

export const pte = { v: 1n, r: 2n, w: 4n, x: 8n, u: 16n, g: 32n, a: 64n, d: 128n, n: 1n << 63n } as const;
export const rwxad = pte.v | pte.r | pte.w | pte.x | pte.a | pte.d;

export const modes = { sv39: 8n, sv48: 9n, sv57: 10n } as const;
export type Mode = keyof typeof modes;
export const levelsOf = (mode: Mode): number => Number(modes[mode]) - 5;

/** An address space whose tables lie one after another from `base` on. */
export class PageTables {
  private next: bigint;

  constructor(
    private readonly bench: TableMemory,
    readonly base: bigint,
    readonly levels: number,
    /** The root has four pages, as hgatp wants it. */
    private readonly wide = false,
  ) {
    this.next = base + (wide ? 0x4000n : 0x1000n);
  }

  /** Puts an entry that holds `flags` for `physical` at `level` (0: 4 KiB pages). */
  map(virtual: bigint, physical: bigint, flags: bigint, level = 0): bigint {
    let table = this.base;
    for (let at = this.levels - 1; at > level; at--) {
      const entry = this.entry(table, virtual, at);
      const old = this.bench.memory(entry);
      if (old === 0n) {
        this.bench.store(entry, ((this.next >> 12n) << 10n) | pte.v);
        table = this.next;
        this.next += 0x1000n;
      } else table = (old >> 10n) << 12n;
    }
    const entry = this.entry(table, virtual, level);
    this.bench.store(entry, ((physical >> 12n) << 10n) | flags);
    return entry;
  }

  private entry(table: bigint, virtual: bigint, level: number): bigint {
    const mask = this.wide && level === this.levels - 1 ? 0x7ffn : 0x1ffn;
    return table + ((virtual >> BigInt(12 + 9 * level)) & mask) * 8n;
  }

  atp(mode: bigint): bigint {
    return (mode << 60n) | (this.base >> 12n);
  }
}
