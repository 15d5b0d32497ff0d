// A device has one owner and an interrupt of its own.

import type { DocumentPath } from '../diagnostic.ts';
import type { RuleContext } from './context.ts';

/** Interrupts of the machine's own devices: virtio 1 to 8, UART 10, RTC 11. */
export const firstFreeIrq = 12;
export const lastIrq = 95;

export function checkDevices(context: RuleContext): void {
  const owners = new Map<string, DocumentPath>();
  for (const [name, cell] of context.cells()) {
    for (const [index, device] of (cell.owns ?? []).entries()) {
      if (device === undefined) continue;
      const path = ['cells', name, 'owns', index];
      const first = owners.get(device);
      // The same cell naming it twice is a list that repeats itself.
      if (first !== undefined && first[1] !== name) {
        context.report({
          code: 'device-owned-twice',
          path,
          message: `device '${device}' is owned by '${first[1]}' and '${name}'`,
          hint: 'let one own it and reach it from the other through a channel',
          related: [{ path: first, message: 'owned here' }],
        });
      }
      if (first === undefined) owners.set(device, path);
    }
  }
  const count = context.draft.devices?.size ?? 0;
  if (count > lastIrq - firstFreeIrq + 1) {
    context.report({
      code: 'out-of-range',
      path: ['devices'],
      message: `${count} devices are more than there are interrupts`,
      hint: `at most ${lastIrq - firstFreeIrq + 1}`,
    });
  }
  const irqs = new Map<number, string>();
  for (const [name, device] of context.draft.devices ?? []) {
    if (device === undefined) continue;
    const { irq } = device;
    if (irq !== undefined) {
      const first = irqs.get(irq);
      if (irq < firstFreeIrq) {
        context.report({
          code: 'irq-reserved',
          path: ['devices', name, 'irq'],
          message: `interrupt ${irq} belongs to the machine's own devices`,
          hint: `choose one from ${firstFreeIrq} to ${lastIrq}, or leave it out`,
        });
      } else if (first !== undefined) {
        context.report({
          code: 'irq-owned-twice',
          path: ['devices', name, 'irq'],
          message: `interrupt ${irq} belongs to '${first}' and '${name}'`,
          hint: 'choose another, or leave it out',
          related: [{ path: ['devices', first, 'irq'], message: 'used here' }],
        });
      } else irqs.set(irq, name);
    }
    if (device.model === 'block-file' && !context.places.has(['devices', name, 'backing'])) {
      context.report({
        code: 'backing-missing',
        path: ['devices', name],
        at: 'key',
        message: `'${name}' has no backing file`,
        hint: 'add backing: img/disk.img',
      });
    }
  }
}
