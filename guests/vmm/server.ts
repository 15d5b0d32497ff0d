// The monitor as a native server: one per VM cell, passive, on the time of the vCPU whose exit it handles.

import { virtualInterrupts } from '../../microvisor/abi/extensions.ts';
import { faultType, vcpuFault } from '../../microvisor/abi/faults.ts';
import { label } from '../../microvisor/abi/invocation-labels.ts';
import { type Cell, call, server } from '../sdk/index.ts';
import { slot } from '../sdk/layout.ts';
import { signalDevices } from './board.ts';
import { bootVm } from './boot.ts';
import { cellPort, type MonitorState } from './cell-port.ts';
import type { Exit } from './exit.ts';
import { handleExit } from './exits.ts';
import { type Vm, type VmConfig, vmState } from './vm.ts';

/** A reply with another label than 0 leaves the vCPU stopped, with its scheduling context. */
const stopped = { label: 1, words: [] };

function vmOf(cell: Cell<MonitorState>): Vm {
  const config = cell.config as unknown as VmConfig;
  return { config, state: cell.draft().vm!, port: cellPort(cell, config) };
}

/** What the last life of the monitor has left: vCPUs that run, and interrupts that the new devices have not raised. */
function stopVcpus({ config, port }: Vm): void {
  for (let vcpu = 0; vcpu < config.vcpus; vcpu++) {
    call(slot.childThread + vcpu, { label: label.TCBSuspend, words: [] });
    port.inject(vcpu, 0, virtualInterrupts);
    port.writeVcpu(vcpu, 'vsie', 0n);
    port.writeVcpu(vcpu, 'vstimecmp', never);
  }
}

/** A time that does not come. */
const never = (1n << 64n) - 1n;

export default server<MonitorState>({
  mutable: true,
  state: () => ({ vm: null, samples: {} }),

  init(cell) {
    const config = cell.config as unknown as VmConfig;
    cell.draft().vm = vmState(config);
    const vm = vmOf(cell);
    if (cell.generation > 0) stopVcpus(vm);
    // Disks ask for their sizes; whatever came in before waits for the guest's drivers.
    signalDevices(
      vm,
      config.channels.map(({ number }) => number),
    );
    bootVm(vm);
  },

  notified(cell, channel) {
    signalDevices(vmOf(cell), [channel.config.number]);
  },

  fault(cell, { child, label: kind, words }) {
    if (kind !== faultType.vcpuFault) throw new Error(`vCPU ${child} has a fault of kind ${kind}`);
    const exit: Exit = {
      vcpu: child,
      cause: Number(words[vcpuFault.scause]!),
      htval: words[vcpuFault.htval]!,
      htinst: words[vcpuFault.htinst]!,
      stval: words[vcpuFault.stval]!,
      pc: words[vcpuFault.pc]!,
      x: [0n, ...words.slice(vcpuFault.x1)],
      written: 0,
    };
    // To wait as in WFI is a hint: a guest that goes on at once finds nothing to do and asks again (SBI, HSM).
    if (handleExit(vmOf(cell), exit) === 'stop') return stopped;
    const { pc, x, written } = exit;
    const ahead = [0n, 0n, 0n, pc];
    return { label: 0, words: written === 0 ? ahead : [...ahead, 0n, ...x.slice(1, written + 1)] };
  },
});
