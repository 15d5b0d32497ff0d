// HTIF where a program keeps it: tohost and fromhost in memory, found by their symbols.

import type { DeviceBus } from '../../hw/device.ts';
import { type HtifState, htif, htifPort, htifState, pollHtif } from '../../vdev/htif.ts';
import type { Outcome } from '../../vdev/test-finisher.ts';
import type { Board } from './board.ts';

export interface SavedHtif {
  toHost: number;
  fromHost: number;
  state: HtifState;
}

export class HtifPort {
  private state = htifState();
  private readonly bus: DeviceBus;

  /** Physical addresses of the two doublewords. */
  constructor(
    board: Board,
    private readonly toHost: number,
    private readonly fromHost: number,
    onConsole: (bytes: Uint8Array) => void,
    onOutcome: (outcome: Outcome) => void,
  ) {
    const { machine } = board;
    this.bus = {
      ...board.uart.bus,
      emit: (port, bytes) => {
        if (port === htifPort.console) onConsole(bytes);
        else if (this.state.outcome) onOutcome(this.state.outcome);
      },
    };
    if (machine.memory.hostAddress(toHost, 8) < machine.memory.layout.ram) return;
    machine.engine.watch(toHost);
    machine.bus.onWatched = (address, size) => {
      // A command is complete when its high half is written. Programs on 64 bits also store one word, an exit code.
      const within = address + size > toHost && address < toHost + 8;
      if (within) this.poll();
    };
  }

  private poll(): void {
    pollHtif(this.state, this.bus, this.toHost, this.fromHost);
  }

  input(bytes: Uint8Array): void {
    htif.input!(this.state, this.bus, htifPort.console, bytes);
    this.poll();
  }

  save(): SavedHtif {
    return { toHost: this.toHost, fromHost: this.fromHost, state: structuredClone(this.state) };
  }
  load({ state }: SavedHtif): void {
    this.state = structuredClone(state);
  }
}
