// What lies in frames before the first thread runs: regions' prefills, segments of programs, kernels of virtual machines.

import { accept, readProgramFile } from '../host/image-file.ts';
import { type ElfImage, readElf } from '../image/elf.ts';
import { looksLikeLinuxImage, readLinuxImage } from '../image/linux-image.ts';
import type { ImageFile } from '../manifest/model.ts';
import { pageBytes } from '../plan/builder.ts';
import { guestLayout, nativeLayout } from '../plan/conventions.ts';
import type { FrameContent, Plan, Server, Thread } from '../plan/plan.ts';
import { Refusal } from '../refusal.ts';
import type { Content, ThreadStart } from './boot-script.ts';
import { configPage, type GuestImages, vmConfig } from './monitor-config.ts';

export interface LoadedImages {
  contents: Content[];
  /** Entry and stack of machine-code programs. */
  starts: ReadonlyMap<Thread, ThreadStart>;
}

const megabyte = 2 ** 20;

/** Reads every image of the plan. Throws a Refusal when one cannot be used. */
export function loadImages(plan: Plan): LoadedImages {
  const contents: Content[] = [];
  const starts = new Map<Thread, ThreadStart>();
  const guests = new Map<string, GuestImages>();
  const read = new Map<string, ElfImage>();
  /** Many cells may run the same program: they share its bytes. */
  const programOf = (image: ImageFile): ElfImage => {
    const known = read.get(image.path) ?? readProgram(image);
    read.set(image.path, known);
    return known;
  };
  for (const server of plan.servers) if (server.guest) guests.set(server.cell, loadGuest(server, contents));
  for (const thread of plan.threads) {
    if (thread.program.kind !== 'elf') continue;
    const { image, entry } = thread.program;
    const elf = programOf(image);
    const start = entry === undefined ? elf.entry : elf.symbols.find(({ name }) => name === entry)!.address;
    starts.set(thread, { kind: 'code', entry: start, stack: nativeLayout.stackTop });
  }
  for (const content of plan.contents) {
    const { object, offset } = content;
    const bytes = contentBytes(plan, content, guests, programOf);
    if (bytes.length > 0) contents.push({ object, offset, bytes });
  }
  return { contents, starts };
}

function contentBytes(
  plan: Plan,
  content: FrameContent,
  guests: ReadonlyMap<string, GuestImages>,
  programOf: (image: ImageFile) => ElfImage,
): Uint8Array {
  switch (content.kind) {
    case 'file':
      return readProgramFile(content.file.path);
    case 'segment':
      return programOf(content.file).segments[content.index]!.bytes;
    case 'config': {
      const { config } = content;
      const server = plan.servers.find(({ cell }) => cell === config.cell)!;
      if (!server.guest) return configPage(config);
      return configPage({ ...config, config: { ...vmConfig(server, plan, guests.get(server.cell)!) } });
    }
    default:
      return content satisfies never;
  }
}

function readProgram(image: ImageFile): ElfImage {
  return accept(image.path, readElf(readProgramFile(image.path)));
}

function refuse(file: ImageFile, place: string, message: string, remedy: string): never {
  throw new Refusal('refused', `${file.path}: ${place}: ${message}`, remedy);
}

/** Kernel at its place at the start of guest RAM, initial RAM disk below the last two megabytes, which are the monitor's. */
function loadGuest({ cell, guest }: Server, contents: Content[]): GuestImages {
  const { kernel, initrd, ram } = guest!;
  const object = `${cell}.ram`;
  const bytes = readProgramFile(kernel.path);
  let entry: number;
  let end: number;
  if (looksLikeLinuxImage(bytes)) {
    const image = accept(kernel.path, readLinuxImage(bytes));
    const offset = image.textOffset || 2 * megabyte;
    contents.push({ object, offset, bytes: image.bytes });
    entry = guestLayout.ram + offset;
    end = offset + image.imageSize;
  } else {
    const elf = readProgram(kernel);
    end = 0;
    for (const segment of elf.segments) {
      const offset = Number(segment.physicalAddress) - guestLayout.ram;
      end = Math.max(end, offset + segment.memorySize);
      if (offset < 0)
        refuse(
          kernel,
          'segments',
          `0x${segment.physicalAddress.toString(16)} is below guest RAM`,
          'link the kernel at 0x80000000 or above',
        );
      if (segment.bytes.length > 0) contents.push({ object, offset, bytes: segment.bytes });
    }
    entry = Number(elf.entry);
  }
  const room = ram.bytes - 2 * megabyte;
  const disk = initrd === undefined ? undefined : readProgramFile(initrd.path);
  const start = disk === undefined ? room : Math.floor((room - disk.length) / pageBytes) * pageBytes;
  if (start < end) {
    const needed = Math.ceil((end + (disk?.length ?? 0)) / megabyte) + 3;
    refuse(
      kernel,
      'size',
      `kernel and initial RAM disk do not fit into ${ram.bytes / megabyte}M`,
      `give cells.${cell}.memory at least ${needed}M`,
    );
  }
  if (disk) contents.push({ object, offset: start, bytes: disk });
  return {
    entry,
    initrd: disk && { start: guestLayout.ram + start, end: guestLayout.ram + start + disk.length },
  };
}
