// HTIF where a program keeps it: tohost and fromhost in memory, found by their symbols.

import type { Attachment } from '../../hw/machine/bus.ts';
import type { Machine } from '../../hw/machine/machine.ts';
import { type HtifState, htif, htifPort, htifState, pollHtif } from '../../vdev/htif.ts';
import type { Outcome } from '../../vdev/test-finisher.ts';

/** Physical addresses of the two doublewords. */
export interface HtifPlace {
  toHost: number;
  fromHost: number;
}

/** Name of the device, for `Machine.input`. */
export const htifDevice = 'htif';

/** Attaches HTIF beside the bus: the program's stores to `toHost` reach it. */
export function attachHtif(
  machine: Machine,
  { toHost, fromHost }: HtifPlace,
  onConsole: (bytes: Uint8Array) => void,
  onOutcome: (outcome: Outcome) => void,
): void {
  const poll = (): void => void pollHtif(attachment.state, attachment.bus, toHost, fromHost);
  const model: typeof htif = {
    ...htif,
    input(state, bus, port, bytes) {
      const taken = htif.input!(state, bus, port, bytes);
      poll();
      return taken;
    },
  };
  const attachment: Attachment<HtifState> = machine.attach(htifDevice, undefined, model, htifState(), {
    emit: (port, bytes) => {
      if (port === htifPort.console) onConsole(bytes);
      else if (attachment.state.outcome) onOutcome(attachment.state.outcome);
    },
  });
  if (machine.memory.hostAddress(toHost, 8) < machine.memory.layout.ram) return;
  machine.engine.watch(toHost);
  machine.bus.onWatched = (address, size) => {
    // Simulators take a store of a doubleword, of a word (an exit code), or of two halves, low half first.
    if (address + size > toHost && address < toHost + 8) poll();
  };
}
