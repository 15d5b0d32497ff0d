// Files that exist only in memory: what the fixtures name. Images are a header and nothing else.

import { createHash } from 'node:crypto';
import type { FileFacts, FileProblem, ManifestFiles } from '../../tools/manifest/files.ts';
import { programNames } from '../../tools/manifest/files.ts';
import { imageHeaderSize } from '../../tools/manifest/image-header.ts';

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** An ELF header and one program header: a page of code at `at`. */
export function elf({ elfClass = 2, machine = 243, type = 2, at = 0x10000, flags = 5 } = {}): Uint8Array {
  const bytes = new Uint8Array(64 + 56);
  const view = new DataView(bytes.buffer);
  bytes.set(ascii('\x7fELF'));
  bytes.set([elfClass, 1, 1], 4);
  view.setUint16(16, type, true);
  view.setUint16(18, machine, true);
  view.setUint32(32, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true);
  view.setUint32(68, flags, true);
  view.setUint32(64 + 16, at, true);
  view.setUint32(64 + 40, 0x1000, true);
  return bytes;
}

/** The header of a Linux Image. */
export function linuxImage({ magic = 'RSC\x05' } = {}): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set(ascii('MZ'));
  bytes.set(ascii(magic), 56);
  return bytes;
}

/** What a file is: its bytes, or why it cannot be used. */
type Content = Uint8Array | Exclude<FileProblem, 'missing'>;

export const fixtureFiles: Readonly<Record<string, Content>> = {
  'img/Image': linuxImage(),
  'img/Image.arm64': linuxImage({ magic: 'ARM\x64' }),
  'img/Image.gz': Uint8Array.of(0x1f, 0x8b, 8, 0),
  'img/initrd': ascii('070701'),
  'img/root.ext4': new Uint8Array(4096),
  'img/rootfs.tar': new Uint8Array(512),
  'img/locked': 'unreadable',
  'data/calib.bin': new Uint8Array(64),
  'data/large.bin': new Uint8Array(8192),
  'guests/pilot.elf': elf(),
  'guests/pilot32.elf': elf({ elfClass: 1 }),
  'servers/high.elf': elf({ at: 0x2000_0000 }),
  'servers/self-modifying.elf': elf({ flags: 7 }),
  'guests/pilot.x86.elf': elf({ machine: 62 }),
  'servers/supervisor.ts': ascii('export default {};'),
  'servers/console.ts': ascii('export default {};'),
  'servers/switch.ts': ascii('export default {};'),
  'servers/block.ts': ascii('export default {};'),
  'servers/echo.elf': elf(),
  'servers/mistaken.s': {
    source: { place: 'line 1, column 1', message: "no instruction is named 'ad'", remedy: "did you mean 'add'?" },
  },
  'faults/bitflip.yaml': ascii('faults: []'),
};

export class MemoryFiles implements ManifestFiles {
  readonly #facts = new Map<string, FileFacts | FileProblem>();

  constructor(readonly files: Readonly<Record<string, Content>> = fixtureFiles) {}

  locate(path: string): string {
    return path.startsWith('/') ? path : `/fixtures/${path}`;
  }

  programCandidates(program: string): string[] {
    return programNames(program).map((name) => this.locate(name));
  }

  inspect(absolutePath: string): FileFacts | FileProblem {
    const known = this.#facts.get(absolutePath);
    if (known !== undefined) return known;
    const facts = this.#read(absolutePath);
    this.#facts.set(absolutePath, facts);
    return facts;
  }

  #read(absolutePath: string): FileFacts | FileProblem {
    const name = absolutePath.replace('/fixtures/', '');
    if (!Object.hasOwn(this.files, name)) return 'missing';
    const bytes = this.files[name]!;
    if (!(bytes instanceof Uint8Array)) return bytes;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { path: absolutePath, bytes: bytes.length, sha256, head: bytes.slice(0, imageHeaderSize) };
  }
}
