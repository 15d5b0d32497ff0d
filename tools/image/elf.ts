// The ELF64 reader: what a loader and a debugger need of an RV64 executable. Every offset is checked against the file.

import { failure, hex, type ImageError, type ReadResult } from './image-error.ts';

/** A range of the image that is loaded into memory (PT_LOAD). */
export interface ElfSegment {
  readonly virtualAddress: bigint;
  readonly physicalAddress: bigint;
  /** What the file holds; a view of it. */
  readonly bytes: Uint8Array;
  /** Bytes in memory, at least `bytes.length`; the rest is zero. Not yet compared with any machine's RAM. */
  readonly memorySize: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
}

export interface ElfSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly size: number;
  readonly kind: 'none' | 'object' | 'function' | 'other';
  readonly global: boolean;
}

export interface ElfImage {
  /** `executable`: linked to fixed addresses (ET_EXEC). `shared`: position-independent (ET_DYN). */
  readonly type: 'executable' | 'shared';
  readonly entry: bigint;
  /** In the order of the file, those of no size left out. */
  readonly segments: readonly ElfSegment[];
  /** Those that are defined and named, in the order of the file; empty when the file is stripped. */
  readonly symbols: readonly ElfSymbol[];
  /** The dynamic linker that the program asks for (PT_INTERP). */
  readonly interpreter: string | undefined;
}

/** Layout and numbers of the format (System V ABI, generic, chapters 4 and 5; RISC-V ELF psABI, "File Header"). */
export const elfFormat = {
  headerSize: 64,
  programHeaderSize: 56,
  sectionHeaderSize: 64,
  symbolSize: 24,
  machineRiscv: 243,
  typeExecutable: 2,
  typeShared: 3,
  segmentLoad: 1,
  segmentInterpreter: 3,
  sectionProgbits: 1,
  sectionSymtab: 2,
  sectionStrtab: 3,
  flagRvc: 0x1,
  flagDoubleFloat: 0x4,
  flagRve: 0x8,
} as const;

/** All user addresses of Sv39, and more than any RAM. */
const largestSegment = 1n << 38n;

const damaged = 'the file is cut off or damaged: build or copy it again';
const rebuild = 'link a static RV64 executable, for example with riscv64-unknown-elf-gcc -static -nostdlib';

/** True if the bytes claim to be ELF, well-formed or not. */
export function looksLikeElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** Reads an RV64 little-endian executable; any input, however broken, gives a value. */
export function readElf(bytes: Uint8Array): ReadResult<ElfImage> {
  try {
    return { ok: true, value: new Reader(bytes).image() };
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, error: error.detail };
    throw error;
  }
}

/** The first symbol of that name, a global one before a local one. */
export function findSymbol(image: ElfImage, name: string): ElfSymbol | undefined {
  let found: ElfSymbol | undefined;
  for (const symbol of image.symbols) {
    if (symbol.name !== name) continue;
    if (symbol.global) return symbol;
    found ??= symbol;
  }
  return found;
}

/** Carries an error out of the reader's depths; never leaves this file. */
class Malformed extends Error {
  constructor(readonly detail: ImageError) {
    super(detail.message);
  }
}

function reject(place: string, message: string, remedy: string): never {
  throw new Malformed(failure(place, message, remedy).error);
}

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly entrySize: number;
  readonly place: string;
}

class Reader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  image(): ElfImage {
    const type = this.identify();
    const entry = this.view.getBigUint64(24, true);
    const { segments, interpreter } = this.segments();
    if (segments.length === 0) reject('program headers', 'nothing is to be loaded (no PT_LOAD of any size)', rebuild);
    const within = (base: bigint, segment: ElfSegment): boolean =>
      entry >= base && entry < base + BigInt(segment.memorySize);
    if (!segments.some((s) => within(s.virtualAddress, s) || within(s.physicalAddress, s))) {
      reject(
        'e_entry (byte 0x18)',
        `the entry point ${hex(entry)} is in no segment`,
        'name an entry point in the linker script with ENTRY(symbol)',
      );
    }
    return { type, entry, segments, symbols: this.symbols(), interpreter };
  }

  private identify(): ElfImage['type'] {
    const { bytes, view } = this;
    if (!looksLikeElf(bytes)) reject('byte 0x0', 'this is not an ELF file', rebuild);
    if (bytes.length < elfFormat.headerSize) {
      reject('ELF header (byte 0x0)', `the file ends after ${bytes.length} of 64 header bytes`, damaged);
    }
    if (bytes[4] !== 2) {
      reject(
        'EI_CLASS (byte 0x4)',
        bytes[4] === 1 ? 'this is a 32-bit ELF' : `${bytes[4]} is not a class of ELF`,
        'the machine is RV64: build with -march=rv64gc -mabi=lp64d',
      );
    }
    if (bytes[5] !== 1) {
      reject(
        'EI_DATA (byte 0x5)',
        bytes[5] === 2 ? 'this is a big-endian ELF' : `${bytes[5]} is not a byte order`,
        'the machine is little-endian: build with -mlittle-endian',
      );
    }
    if (bytes[6] !== 1) reject('EI_VERSION (byte 0x6)', `${bytes[6]} is not a version of ELF`, damaged);
    const machine = view.getUint16(18, true);
    if (machine !== elfFormat.machineRiscv) {
      reject('e_machine (byte 0x12)', `this is for ${machineName(machine)}, not RISC-V`, rebuild);
    }
    const type = view.getUint16(16, true);
    if (type !== elfFormat.typeExecutable && type !== elfFormat.typeShared) {
      reject('e_type (byte 0x10)', typeMessage(type), rebuild);
    }
    if ((view.getUint32(48, true) & elfFormat.flagRve) !== 0) {
      reject('e_flags (byte 0x30)', 'this is for RV64E, with 16 registers', 'build with -mabi=lp64d (or lp64)');
    }
    return type === elfFormat.typeExecutable ? 'executable' : 'shared';
  }

  private segments(): Pick<ElfImage, 'segments' | 'interpreter'> {
    const count = this.view.getUint16(56, true);
    if (count === 0xffff) reject('e_phnum (byte 0x38)', 'more than 65,534 program headers are not supported', rebuild);
    const table = this.table('program header', 32, 54, count, elfFormat.programHeaderSize);
    const segments: ElfSegment[] = [];
    let interpreter: string | undefined;
    for (let index = 0; index < count; index++) {
      const at = table + index * elfFormat.programHeaderSize;
      const place = `program header ${index} (byte ${hex(at)})`;
      const type = this.view.getUint32(at, true);
      if (type === elfFormat.segmentLoad) {
        const segment = this.loadSegment(at, place);
        if (segment.memorySize > 0) segments.push(segment);
      } else if (type === elfFormat.segmentInterpreter) {
        const { offset, size } = this.range(at + 8, at + 32, place, 'p_filesz');
        if (size > 4096) reject(place, `the interpreter's path has ${size} bytes`, damaged);
        interpreter = this.text(offset, offset + size, place);
      }
    }
    this.rejectOverlap(segments, 'virtual', (s) => s.virtualAddress);
    this.rejectOverlap(segments, 'physical', (s) => s.physicalAddress);
    return { segments, interpreter };
  }

  private loadSegment(at: number, place: string): ElfSegment {
    const { view } = this;
    const { offset, size } = this.range(at + 8, at + 32, place, 'p_filesz');
    const memorySize = view.getBigUint64(at + 40, true);
    if (memorySize < BigInt(size)) {
      reject(place, `p_memsz (${hex(memorySize)}) is below p_filesz (${hex(size)})`, damaged);
    }
    const virtualAddress = view.getBigUint64(at + 16, true);
    const physicalAddress = view.getBigUint64(at + 24, true);
    for (const [name, address] of [
      ['p_vaddr', virtualAddress],
      ['p_paddr', physicalAddress],
    ] as const) {
      if (address + memorySize > 1n << 64n) {
        reject(
          place,
          `${name} ${hex(address)} plus p_memsz ${hex(memorySize)} passes the end of the address space`,
          damaged,
        );
      }
    }
    if (memorySize > largestSegment) {
      reject(place, `p_memsz ${hex(memorySize)} is larger than any memory`, damaged);
    }
    const flags = view.getUint32(at + 4, true);
    return {
      virtualAddress,
      physicalAddress,
      bytes: this.bytes.subarray(offset, offset + size),
      memorySize: Number(memorySize),
      readable: (flags & 4) !== 0,
      writable: (flags & 2) !== 0,
      executable: (flags & 1) !== 0,
    };
  }

  private rejectOverlap(segments: readonly ElfSegment[], space: string, base: (segment: ElfSegment) => bigint): void {
    const sorted = [...segments].sort((a, b) => (base(a) < base(b) ? -1 : base(a) > base(b) ? 1 : 0));
    for (let index = 1; index < sorted.length; index++) {
      const before = sorted[index - 1] as ElfSegment;
      const after = sorted[index] as ElfSegment;
      if (base(before) + BigInt(before.memorySize) > base(after)) {
        reject(
          'program headers',
          `the segments at ${space} addresses ${hex(base(before))} and ${hex(base(after))} overlap`,
          'give the sections distinct addresses in the linker script',
        );
      }
    }
  }

  private symbols(): ElfSymbol[] {
    const count = this.view.getUint16(60, true);
    if (count === 0) return [];
    const table = this.table('section header', 40, 58, count, elfFormat.sectionHeaderSize);
    const section = (index: number): Section => this.section(table + index * elfFormat.sectionHeaderSize, index);
    for (let index = 0; index < count; index++) {
      const symtab = section(index);
      if (symtab.type !== elfFormat.sectionSymtab) continue;
      if (symtab.entrySize !== elfFormat.symbolSize) {
        reject(symtab.place, `sh_entsize is ${symtab.entrySize}, a symbol has ${elfFormat.symbolSize} bytes`, damaged);
      }
      if (symtab.link >= count) reject(symtab.place, `sh_link ${symtab.link} names no section`, damaged);
      const strtab = section(symtab.link);
      if (strtab.type !== elfFormat.sectionStrtab) {
        reject(symtab.place, `sh_link ${symtab.link} is not a string table`, damaged);
      }
      return this.symbolTable(symtab, strtab);
    }
    return [];
  }

  private symbolTable(symtab: Section, strtab: Section): ElfSymbol[] {
    const { view } = this;
    const symbols: ElfSymbol[] = [];
    // Linkers let a name be the tail of another, no more; without a limit a small file could name gigabytes.
    let budget = 8 * strtab.size;
    for (let at = symtab.offset; at + elfFormat.symbolSize <= symtab.offset + symtab.size; at += elfFormat.symbolSize) {
      const place = `symbol ${(at - symtab.offset) / elfFormat.symbolSize} (byte ${hex(at)})`;
      const name = view.getUint32(at, true);
      const info = view.getUint8(at + 4);
      if (name === 0 || view.getUint16(at + 6, true) === 0) continue;
      if (name >= strtab.size) reject(place, `its name is at ${hex(name)} of ${hex(strtab.size)} bytes`, damaged);
      const text = this.text(strtab.offset + name, strtab.offset + strtab.size, place);
      budget -= text.length;
      if (budget < 0) reject(place, 'the names overlap as no linker lets them', damaged);
      const size = view.getBigUint64(at + 16, true);
      symbols.push({
        name: text,
        address: view.getBigUint64(at + 8, true),
        size: Number(size),
        kind: symbolKinds[info & 15] ?? 'other',
        global: info >> 4 !== 0,
      });
    }
    return symbols;
  }

  private section(at: number, index: number): Section {
    const { view } = this;
    const place = `section header ${index} (byte ${hex(at)})`;
    const type = view.getUint32(at + 4, true);
    const link = view.getUint32(at + 40, true);
    const entrySize = Number(view.getBigUint64(at + 56, true));
    // Other sections (.bss for one) may describe bytes that are not in the file; nobody here reads them.
    const relevant = type === elfFormat.sectionSymtab || type === elfFormat.sectionStrtab;
    const { offset, size } = relevant ? this.range(at + 24, at + 32, place, 'sh_size') : { offset: 0, size: 0 };
    return { type, offset, size, link, entrySize, place };
  }

  /** Checks a table of headers; returns its offset. */
  private table(what: string, offsetField: number, sizeField: number, count: number, entrySize: number): number {
    if (count === 0) return 0;
    const place = `${what} table (named at byte ${hex(offsetField)})`;
    const actual = this.view.getUint16(sizeField, true);
    if (actual !== entrySize) reject(place, `an entry has ${actual} bytes, not ${entrySize}`, damaged);
    const offset = this.view.getBigUint64(offsetField, true);
    this.within(offset, BigInt(count * entrySize), place);
    return Number(offset);
  }

  /** A pair of offset and size fields, checked against the file. */
  private range(offsetAt: number, sizeAt: number, place: string, sizeName: string): { offset: number; size: number } {
    const offset = this.view.getBigUint64(offsetAt, true);
    const size = this.view.getBigUint64(sizeAt, true);
    if (size === 0n) return { offset: 0, size: 0 };
    this.within(offset, size, `${place}, ${sizeName}`);
    return { offset: Number(offset), size: Number(size) };
  }

  private within(offset: bigint, size: bigint, place: string): void {
    if (offset + size > BigInt(this.bytes.length)) {
      reject(
        place,
        `bytes ${hex(offset)} to ${hex(offset + size)} are past the end of the file (${hex(this.bytes.length)})`,
        damaged,
      );
    }
  }

  /** Characters up to a zero byte. */
  private text(start: number, limit: number, place: string): string {
    const end = this.bytes.subarray(0, limit).indexOf(0, start);
    if (end < 0) reject(place, 'the text has no end', damaged);
    let text = '';
    for (let from = start; from < end; from += 4096) {
      text += String.fromCharCode(...this.bytes.subarray(from, Math.min(end, from + 4096)));
    }
    return text;
  }
}

const symbolKinds: readonly (ElfSymbol['kind'] | undefined)[] = ['none', 'object', 'function'];

function machineName(machine: number): string {
  const names: Record<number, string> = {
    3: 'x86',
    8: 'MIPS',
    20: 'PowerPC',
    21: 'PowerPC64',
    40: 'Arm',
    62: 'x86-64',
    183: 'AArch64',
    258: 'LoongArch',
  };
  return names[machine] ?? `machine number ${machine}`;
}

function typeMessage(type: number): string {
  if (type === 1) return 'this is an object file (.o), not linked';
  if (type === 4) return 'this is a core dump';
  return `${type} is not a type of executable`;
}
