// Writes small RV64 executables: what the assembler and the guest compiler make, readable by loaders and by objdump.

import { elfFormat } from './elf.ts';

export interface ElfSegmentSource {
  /** Where the bytes are loaded, and seen unless `virtualAddress` says otherwise. */
  readonly address: bigint;
  readonly virtualAddress?: bigint;
  readonly bytes: Uint8Array;
  /** Bytes in memory, the rest zero. Default: as many as there are. */
  readonly memorySize?: number;
  /** Some of `r`, `w`, `x`. Default: all. */
  readonly access?: string;
}

export interface ElfSource {
  readonly segments: readonly ElfSegmentSource[];
  readonly entry: bigint;
  /** Name to address, all of them global. */
  readonly symbols?: Iterable<readonly [name: string, address: bigint]>;
}

const segmentAlign = 16;

/** A static executable (ET_EXEC, RVC and double-float ABI). The same source gives the same bytes. */
export function writeElf({ segments, entry, symbols = [] }: ElfSource): Uint8Array {
  const { headerSize, programHeaderSize, sectionHeaderSize, symbolSize } = elfFormat;
  const names = new StringTable();
  const sectionNames = new StringTable();

  const offsets: number[] = [];
  let end = headerSize + segments.length * programHeaderSize;
  for (const { bytes } of segments) {
    end = align(end, segmentAlign);
    offsets.push(end);
    end += bytes.length;
  }
  const symbolList = [...symbols].map(([name, address]) => ({ name: names.add(name), address }));
  const symtabOffset = align(end, 8);
  const symtabSize = (symbolList.length + 1) * symbolSize;
  const strtabOffset = symtabOffset + symtabSize;
  const strings = names.bytes();

  const sections: SectionHeader[] = [{ name: 0, type: 0 }];
  segments.forEach((segment, index) => {
    const access = segment.access ?? 'rwx';
    const name = access.includes('x') ? '.text' : access.includes('w') ? '.data' : '.rodata';
    const flags = 2 + (access.includes('w') ? 1 : 0) + (access.includes('x') ? 4 : 0);
    sections.push({
      name: sectionNames.add(index === 0 ? name : `${name}.${index}`),
      type: elfFormat.sectionProgbits,
      flags,
      address: segment.virtualAddress ?? segment.address,
      offset: offsets[index] as number,
      size: segment.bytes.length,
      align: 1,
    });
  });
  const symtabName = sectionNames.add('.symtab');
  const strtabName = sectionNames.add('.strtab');
  const shstrtabName = sectionNames.add('.shstrtab');
  const sectionStrings = sectionNames.bytes();
  const shstrtabOffset = strtabOffset + strings.length;
  const { sectionSymtab, sectionStrtab } = elfFormat;
  sections.push(
    {
      name: symtabName,
      type: sectionSymtab,
      offset: symtabOffset,
      size: symtabSize,
      link: sections.length + 1,
      info: 1,
      align: 8,
      entrySize: symbolSize,
    },
    { name: strtabName, type: sectionStrtab, offset: strtabOffset, size: strings.length, align: 1 },
    { name: shstrtabName, type: sectionStrtab, offset: shstrtabOffset, size: sectionStrings.length, align: 1 },
  );
  const sectionsOffset = align(shstrtabOffset + sectionStrings.length, 8);

  const file = new Uint8Array(sectionsOffset + sections.length * sectionHeaderSize);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, elfFormat.typeExecutable, true);
  view.setUint16(18, elfFormat.machineRiscv, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, entry, true);
  view.setBigUint64(32, BigInt(headerSize), true);
  view.setBigUint64(40, BigInt(sectionsOffset), true);
  view.setUint32(48, elfFormat.flagRvc | elfFormat.flagDoubleFloat, true);
  view.setUint16(52, headerSize, true);
  view.setUint16(54, programHeaderSize, true);
  view.setUint16(56, segments.length, true);
  view.setUint16(58, sectionHeaderSize, true);
  view.setUint16(60, sections.length, true);
  view.setUint16(62, sections.length - 1, true);

  segments.forEach((segment, index) => {
    const at = headerSize + index * programHeaderSize;
    const access = segment.access ?? 'rwx';
    view.setUint32(at, elfFormat.segmentLoad, true);
    view.setUint32(
      at + 4,
      'xwr'.split('').reduce((flags, c, bit) => flags | (access.includes(c) ? 1 << bit : 0), 0),
      true,
    );
    view.setBigUint64(at + 8, BigInt(offsets[index] as number), true);
    view.setBigUint64(at + 16, segment.virtualAddress ?? segment.address, true);
    view.setBigUint64(at + 24, segment.address, true);
    view.setBigUint64(at + 32, BigInt(segment.bytes.length), true);
    view.setBigUint64(at + 40, BigInt(Math.max(segment.memorySize ?? 0, segment.bytes.length)), true);
    view.setBigUint64(at + 48, 1n, true);
    file.set(segment.bytes, offsets[index] as number);
  });

  symbolList.forEach(({ name, address }, index) => {
    const at = symtabOffset + (index + 1) * symbolSize;
    view.setUint32(at, name, true);
    view.setUint8(at + 4, 1 << 4); // STB_GLOBAL, STT_NOTYPE
    view.setUint16(at + 6, 0xfff1, true); // SHN_ABS
    view.setBigUint64(at + 8, address, true);
  });
  file.set(strings, strtabOffset);
  file.set(sectionStrings, shstrtabOffset);
  sections.forEach((section, index) => {
    writeSectionHeader(view, sectionsOffset + index * sectionHeaderSize, section);
  });
  return file;
}

interface SectionHeader {
  name: number;
  type: number;
  flags?: number;
  address?: bigint;
  offset?: number;
  size?: number;
  link?: number;
  info?: number;
  align?: number;
  entrySize?: number;
}

function writeSectionHeader(view: DataView, at: number, section: SectionHeader): void {
  view.setUint32(at, section.name, true);
  view.setUint32(at + 4, section.type, true);
  view.setBigUint64(at + 8, BigInt(section.flags ?? 0), true);
  view.setBigUint64(at + 16, section.address ?? 0n, true);
  view.setBigUint64(at + 24, BigInt(section.offset ?? 0), true);
  view.setBigUint64(at + 32, BigInt(section.size ?? 0), true);
  view.setUint32(at + 40, section.link ?? 0, true);
  view.setUint32(at + 44, section.info ?? 0, true);
  view.setBigUint64(at + 48, BigInt(section.align ?? 0), true);
  view.setBigUint64(at + 56, BigInt(section.entrySize ?? 0), true);
}

/** Names after each other, each with a zero byte; the empty name comes first. */
class StringTable {
  private readonly parts: Uint8Array[] = [new Uint8Array(1)];
  private size = 1;

  add(name: string): number {
    const at = this.size;
    const bytes = new TextEncoder().encode(`${name}\0`);
    this.parts.push(bytes);
    this.size += bytes.length;
    return at;
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.size);
    let at = 0;
    for (const part of this.parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
