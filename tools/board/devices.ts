// The devices that boards are made of: each model with its state after power-on, attached at its window.

import type { DeviceModel } from '../../hw/device.ts';
import type { Attachment } from '../../hw/machine/bus.ts';
import type { Machine } from '../../hw/machine/machine.ts';
import { diskBackend, overlayDisk } from '../../vdev/disk.ts';
import { type EntropyState, entropyState } from '../../vdev/entropy.ts';
import { type GoldfishRtcState, goldfishRtc, goldfishRtcState } from '../../vdev/goldfish-rtc.ts';
import { type Outcome, type TestFinisherState, testFinisher, testFinisherState } from '../../vdev/test-finisher.ts';
import { type Uart16550State, uart16550, uart16550State } from '../../vdev/uart16550.ts';
import { virtMap, type Window } from '../../vdev/virt-map.ts';
import { type BlkState, blkState, virtioBlk } from '../../vdev/virtio/blk.ts';
import { virtioMmio } from '../../vdev/virtio/mmio.ts';
import { virtioRng } from '../../vdev/virtio/rng.ts';
import { type VirtioState, virtioState } from '../../vdev/virtio/transport.ts';
import { hostDisk } from '../host/disk-file.ts';

export interface BoardDevice<S> {
  readonly model: DeviceModel<S>;
  readonly state: S;
}

export const uart = (): BoardDevice<Uart16550State> => ({ model: uart16550, state: uart16550State() });

/** A real-time clock that shows `epochSeconds` of Unix time at boot. */
export const rtc = (epochSeconds: number): BoardDevice<GoldfishRtcState> => ({
  model: goldfishRtc,
  state: goldfishRtcState(epochSeconds),
});

const finisher = (): BoardDevice<TestFinisherState> => ({ model: testFinisher, state: testFinisherState() });

/** A virtio source of random bytes: its own stream of the seed, by its name. */
export const entropy = (seed: number, name: string): BoardDevice<VirtioState<EntropyState>> => ({
  model: virtioMmio(virtioRng),
  state: virtioState(virtioRng, entropyState(seed, name)),
});

/** What was written to a disk whose file is not written. */
export type Overlay = ReturnType<typeof overlayDisk>;

/** A virtio disk over an image file of the host. Throws as `hostDisk` does. */
export function disk(
  path: string,
  readOnly = false,
): BoardDevice<VirtioState<BlkState>> & { readonly overlay: Overlay } {
  const overlay = overlayDisk(hostDisk(path));
  const blk = virtioBlk(diskBackend(overlay));
  const state = virtioState(blk, blkState({ capacitySectors: overlay.size / 512, readOnly }));
  return { model: virtioMmio(blk), state, overlay };
}

/** A machine with an interrupt controller. */
export interface Wired {
  readonly machine: Machine;
  /** Drives an input of the interrupt controller. */
  setInterrupt(irq: number, raised: boolean): void;
}

/** Puts a device at its place and its interrupt on its wire. `emit` takes what it sends. */
export function attachDevice<S>(
  { machine, setInterrupt }: Wired,
  name: string,
  { base, irq }: Omit<Window, 'size'>,
  { model, state }: BoardDevice<S>,
  emit: (port: number, bytes: Uint8Array) => void = () => {},
): Attachment<S> {
  return machine.attach(name, base, model, state, {
    setInterrupt: (raised) => {
      if (irq !== undefined) setInterrupt(irq, raised);
    },
    emit,
  });
}

export interface VirtEvents {
  /** What the UART sends. */
  onConsole(bytes: Uint8Array): void;
  /** The guest has ended the run by itself. */
  onOutcome(outcome: Outcome): void;
}

/** UART, clock and test finisher where QEMU's `virt` board has them. Returns the UART. */
export function attachVirtDevices(
  wired: Wired,
  epochSeconds: number,
  { onConsole, onOutcome }: VirtEvents,
): Attachment<Uart16550State> {
  const console = attachDevice(wired, 'uart', virtMap.uart, uart(), (_port, bytes) => onConsole(bytes));
  attachDevice(wired, 'rtc', virtMap.rtc, rtc(epochSeconds));
  const ending = attachDevice(wired, 'finisher', virtMap.finisher, finisher(), () => {
    if (ending.state.outcome) onOutcome(ending.state.outcome);
  });
  return console;
}
