// SiFive's test finisher, as QEMU's `virt` has it: one word that ends the run.

import type { DeviceBus, DeviceModel } from '../hw/device.ts';

/** How the guest ended its own run. `code` is the exit code to report: 0 for success. */
export type Outcome = { kind: 'pass' } | { kind: 'fail'; code: number } | { kind: 'reset' };

export interface TestFinisherState {
  /** null: the guest still runs. */
  outcome: Outcome | null;
}

const commands = { fail: 0x3333, pass: 0x5555, reset: 0x7777 };

export function testFinisherState(): TestFinisherState {
  return { outcome: null };
}

/**
 * The low half of a written word is the command, the high half the code of a failure (sifive,test0; sifive,test1 adds
 * the reset). `emit(0, no bytes)` tells the host that `state.outcome` is set; later commands change nothing.
 */
export const testFinisher: DeviceModel<TestFinisherState> = {
  name: 'test-finisher',
  size: 0x1000,
  read: () => 0,
  write(state, bus, offset, _size, value) {
    if (offset !== 0) return;
    const command = value & 0xffff;
    if (command === commands.pass) finish(state, bus, { kind: 'pass' });
    else if (command === commands.reset) finish(state, bus, { kind: 'reset' });
    // A failure must not look like success: code 0 becomes 1.
    else if (command === commands.fail) finish(state, bus, { kind: 'fail', code: value >>> 16 || 1 });
  },
  reset(state) {
    state.outcome = null;
  },
};

function finish(state: TestFinisherState, bus: DeviceBus, outcome: Outcome): void {
  if (state.outcome !== null) return;
  state.outcome = outcome;
  bus.emit(0, new Uint8Array());
}
