// Power-on: the device tree goes into guest RAM, where kernel and initrd are already, and vCPU 0 begins.

import { entropyState, takeEntropy } from '../../vdev/entropy.ts';
import { writeFdt } from '../../vdev/fdt.ts';
import { virtTree } from '../../vdev/virt-tree.ts';
import { startVcpu } from './sbi-platform.ts';
import type { Vm, VmConfig } from './vm.ts';

/** The virtual machine's device tree, flattened (Devicetree specification 0.4, chapter 5). */
export function deviceTree(
  { name, vcpus, ram, bootargs, initrd, seed, timebaseHz }: VmConfig,
  slots: number,
): Uint8Array {
  return writeFdt(
    virtTree({
      kind: 'guest',
      harts: vcpus,
      ramBytes: ram.bytes,
      ramBase: ram.base,
      bootargs,
      timebaseHz,
      ...(initrd !== null && { initrd }),
      rngSeed: takeEntropy(entropyState(seed, `${name}/rng-seed`), 32),
      virtioSlots: Array.from({ length: slots }, (_, slot) => slot),
      uart: false,
      rtc: true,
      finisher: false,
    }),
  );
}

/** Starts the machine. The other vCPUs stay stopped until the guest starts them (SBI HSM). */
export function bootVm(vm: Vm): void {
  const { config, state, port } = vm;
  const tree = deviceTree(config, state.slots.length);
  port.writeRam(config.treeAt, tree);
  startVcpu(vm, 0, { address: config.entry, opaque: BigInt(config.treeAt) });
}
