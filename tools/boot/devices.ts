// The devices that a manifest declares, at their places on the machine.

import { attachDevice, type BoardDevice, disk, entropy, type Overlay, rtc, uart } from '../board/devices.ts';
import type { Device, Manifest } from '../manifest/model.ts';
import { pageBytes } from '../plan/builder.ts';
import { platformBus } from '../plan/conventions.ts';
import type { Platform } from './kernel-port.ts';

/** Where a machine's output goes, by the name of the device. */
export type DeviceOutput = (device: string, bytes: Uint8Array) => void;

/**
 * Attaches every device of the manifest; returns what its disks were written, by the device's name. Throws a Refusal
 * for a model that this version lacks.
 */
export function attachDevices(
  platform: Platform,
  manifest: Manifest,
  output: DeviceOutput,
): ReadonlyMap<string, Overlay> {
  const overlays = new Map<string, Overlay>();
  for (const [position, device] of manifest.devices.entries()) {
    const { name, irq } = device;
    const { model, state, overlay } = deviceOf(device, manifest.system.seed);
    if (overlay) overlays.set(name, overlay);
    const window = { base: platformBus + position * pageBytes, irq };
    const onPage = { model: { ...model, size: Math.min(model.size, pageBytes) }, state };
    attachDevice(platform, name, window, onPage, (_port, bytes) => output(name, bytes));
  }
  return overlays;
}

function deviceOf({ name, model, backing, mode }: Device, seed: number): BoardDevice<unknown> & { overlay?: Overlay } {
  switch (model) {
    case 'uart':
      return uart();
    case 'rtc':
      return rtc(0);
    case 'rng':
      return entropy(seed, name);
    case 'block-file':
      return disk(backing!.path, mode === 'read-only');
    default:
      throw new Error(`device ${name}: no model ${model}`);
  }
}
