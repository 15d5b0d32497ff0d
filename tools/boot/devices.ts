// The devices that a manifest declares, at their places on the machine.

import type { DeviceModel } from '../../hw/device.ts';
import { diskBackend, overlayDisk } from '../../vdev/disk.ts';
import { entropyState } from '../../vdev/entropy.ts';
import { goldfishRtc, goldfishRtcState } from '../../vdev/goldfish-rtc.ts';
import { uart16550, uart16550State } from '../../vdev/uart16550.ts';
import { blkState, virtioBlk } from '../../vdev/virtio/blk.ts';
import { virtioMmio } from '../../vdev/virtio/mmio.ts';
import { virtioRng } from '../../vdev/virtio/rng.ts';
import { virtioState } from '../../vdev/virtio/transport.ts';
import { hostDisk } from '../host/disk-file.ts';
import type { Device, Manifest } from '../manifest/model.ts';
import { pageBytes } from '../plan/builder.ts';
import { platformBus } from '../plan/conventions.ts';
import type { Platform } from './kernel-port.ts';

/** Where a machine's output goes, by the name of the device. */
export type DeviceOutput = (device: string, bytes: Uint8Array) => void;

/** What was written to a disk that is not written through. */
export type Overlay = ReturnType<typeof overlayDisk>;

/**
 * Attaches every device of the manifest; returns what its disks were written, by the device's name. Throws a CommandError
 * for a model that this version lacks.
 */
export function attachDevices(
  platform: Platform,
  manifest: Manifest,
  output: DeviceOutput,
): ReadonlyMap<string, Overlay> {
  const overlays = new Map<string, Overlay>();
  for (const [position, device] of manifest.devices.entries()) {
    const { model, state, overlay } = modelOf(device, manifest.system.seed);
    if (overlay) overlays.set(device.name, overlay);
    attach(platform, device, platformBus + position * pageBytes, model, state, output);
  }
  return overlays;
}

function attach<S>(
  platform: Platform,
  { name, irq }: Device,
  base: number,
  model: DeviceModel<S>,
  state: S,
  output: DeviceOutput,
): void {
  platform.machine.attach(name, base, { ...model, size: Math.min(model.size, pageBytes) }, state, {
    setInterrupt: (raised) => platform.setInterrupt(irq, raised),
    emit: (_port, bytes) => output(name, bytes),
  });
}

interface Modelled {
  // biome-ignore lint/suspicious/noExplicitAny: each model goes with its own state; the pair is formed here.
  model: DeviceModel<any>;
  state: unknown;
  overlay?: Overlay;
}

function modelOf({ name, model, backing, mode }: Device, seed: number): Modelled {
  switch (model) {
    case 'uart':
      return { model: uart16550, state: uart16550State() };
    case 'rtc':
      return { model: goldfishRtc, state: goldfishRtcState(0) };
    case 'rng':
      return { model: virtioMmio(virtioRng), state: virtioState(virtioRng, entropyState(seed, name)) };
    case 'block-file': {
      const disk = overlayDisk(hostDisk(backing!.path));
      const blk = virtioBlk(diskBackend(disk));
      const state = blkState({ capacitySectors: disk.size / 512, readOnly: mode === 'read-only' });
      return { model: virtioMmio(blk), state: virtioState(blk, state), overlay: disk };
    }
    default:
      throw new Error(`device ${name}: no model ${model}`);
  }
}
