// A bare machine with what was asked to run on it: the board, its disks, its firmware.

import { romBase } from '../../hw/engine/memory.ts';
import type { Machine, MachineConfig, SavedMachine } from '../../hw/machine/machine.ts';
import type { SavedOverlay } from '../../vdev/disk.ts';
import { htifPort } from '../../vdev/htif.ts';
import type { Outcome } from '../../vdev/test-finisher.ts';
import { disk, entropy, type Overlay } from '../board/devices.ts';
import { type ArchiveKind, readArchive, writeArchive } from '../host/archive.ts';
import { accept, readImageFile } from '../host/image-file.ts';
import { findSymbol, readElf } from '../image/elf.ts';
import { Refusal } from '../refusal.ts';
import { Board } from './board.ts';
import { Firmware } from './firmware.ts';
import { attachHtif, type HtifPlace, htifDevice } from './htif-port.ts';
import * as images from './load.ts';

/** A bare machine on disk. */
interface SavedBare {
  machine: SavedMachine;
  disks: unknown[];
  firmware: unknown;
  htif: HtifPlace | undefined;
}
const archiveKind: ArchiveKind = { name: 'a bare machine', version: 2 };

export interface BareOptions {
  harts: number;
  ramSize: number;
  clockHz?: number;
  translator?: MachineConfig['translator'];
  /** Paths of disk images. */
  disks: readonly string[];
  seed: number;
  /** The SBI as resident software, instead of M-mode code. */
  builtInFirmware: boolean;
  onConsole: (bytes: Uint8Array) => void;
  onOutcome: (outcome: Outcome) => void;
}

export class BareMachine {
  readonly machine: Machine;
  private readonly board: Board;
  private firmware: Firmware | undefined;
  private readonly overlays: Overlay[];
  private htif: HtifPlace | undefined;

  /** Throws a Refusal when a disk image cannot be used. */
  constructor(private readonly options: BareOptions) {
    const { harts, ramSize, clockHz, translator, disks, seed, builtInFirmware, onConsole, onOutcome } = options;
    if (builtInFirmware) {
      const console = { write: onConsole, read: (limit: number) => this.board.takeConsoleInput(limit) };
      this.firmware = new Firmware(harts, console, (kind, reason) => {
        if (kind !== 'shutdown') onOutcome({ kind: 'reset' });
        else onOutcome(reason === 0 ? { kind: 'pass' } : { kind: 'fail', code: 1 });
      });
    }
    this.board = new Board({
      harts,
      ramSize,
      ...(clockHz && { clockHz }),
      translator,
      onConsole,
      onOutcome,
      ...(this.firmware && { supervisor: this.firmware }),
    });
    this.machine = this.board.machine;
    this.overlays = disks.map((path, index) => {
      const device = disk(path);
      this.board.addVirtio(`disk${index}`, device);
      return device.overlay;
    });
    this.board.addVirtio('rng', entropy(seed, 'virtio-rng'));
  }

  /** An ELF that starts in M-mode on every hart. */
  loadProgram(path: string): void {
    const elf = accept(path, readElf(readImageFile(path)));
    const entry = images.loadElf(this.board, path, elf);
    const toHost = findSymbol(elf, 'tohost');
    if (toHost) {
      const fromHost = findSymbol(elf, 'fromhost')?.address ?? toHost.address + 8n;
      this.connectHtif({ toHost: Number(toHost.address), fromHost: Number(fromHost) });
    }
    images.startHarts(this.board, entry, images.placeTree(this.board));
  }

  private connectHtif(place: HtifPlace): void {
    const { onConsole, onOutcome } = this.options;
    this.htif = place;
    attachHtif(this.machine, place, onConsole, onOutcome);
  }

  /** A kernel on firmware, or firmware alone. */
  loadSystem(system: {
    kernel: string | undefined;
    initrd: string | undefined;
    append: string | undefined;
    bios: string | undefined;
  }): void {
    const { board, firmware } = this;
    const initrd = system.initrd === undefined ? undefined : images.placeInitrd(board, system.initrd);
    const tree = images.placeTree(board, { append: system.append, initrd, seed: this.options.seed });
    const kernel = system.kernel === undefined ? undefined : images.placeKernel(board, system.kernel);
    if (system.bios !== undefined) {
      const entry = images.placeFirmware(board, system.bios);
      this.machine.writeRom(images.dynamicInfo(kernel ?? 0));
      images.startHarts(board, entry, tree, romBase);
    } else if (firmware && kernel !== undefined) firmware.boot(this.machine, kernel, tree);
    else throw new Refusal('usage', 'the built-in firmware needs a --kernel to start');
  }

  /** M-mode belongs to code of the guest's own. */
  private removeFirmware(): void {
    this.firmware = undefined;
    for (const hart of this.machine.harts) hart.supervisor = undefined;
  }

  /** Bytes typed at the console. */
  input(bytes: Uint8Array): void {
    if (this.htif) this.machine.input(htifDevice, htifPort.console, bytes);
    else this.machine.input('uart', 0, bytes);
  }

  save(path: string): void {
    const saved: SavedBare = {
      machine: this.machine.save(),
      disks: this.overlays.map((overlay) => overlay.save()),
      firmware: this.firmware?.save(),
      htif: this.htif,
    };
    writeArchive(path, archiveKind, saved);
  }

  /** Goes on with a machine that `save` wrote; refuses one of another shape. */
  load(path: string): void {
    const saved = readArchive(path, archiveKind) as SavedBare;
    if (saved.htif) this.connectHtif(saved.htif);
    try {
      this.machine.load(saved.machine);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const hint =
        'give the same --harts, --ram and --disk as when it was saved; --kernel, --initrd and --append are left out with --load';
      throw new Refusal('refused', `${path}: ${error.message}`, hint);
    }
    this.board.loaded();
    for (const [index, overlay] of this.overlays.entries()) overlay.load(saved.disks[index] as SavedOverlay);
    if (saved.firmware === undefined) this.removeFirmware();
    this.firmware?.load(this.machine, saved.firmware);
  }
}
