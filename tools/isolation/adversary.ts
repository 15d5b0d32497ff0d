// Puts the adversarial sender (guests/adversary) in a cell's place, with everything in its hands that a cell can have: memory to
// retype, its own CSpace and VSpace, a second thread.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { slot } from '../../guests/sdk/layout.ts';
import { assemble } from '../../hw/isa/assemble.ts';
import { sizeBits } from '../../microvisor/abi/limits.ts';
import { writeElf } from '../image/elf-writer.ts';
import { assembleProgram } from '../image/program-file.ts';
import { builtInGuests } from '../manifest/files.ts';
import { imageHeaderSize, readImageHeader } from '../manifest/image-header.ts';
import type { Cell, ImageFile, Manifest } from '../manifest/model.ts';
import { rights } from '../plan/builder.ts';
import { cspaceRadix, faultBadge, guestLayout } from '../plan/conventions.ts';
import type { ObjectType, Plan } from '../plan/plan.ts';
import { Refusal } from '../refusal.ts';
import { secretText, temporaryFile, withCell } from './secret.ts';

/** What the senders can modulate, by the bit that chooses it. */
export const modulations = {
  native: ['budgets', 'ipc', 'faults', 'retype', 'revoke', 'translations'],
  vm: ['budgets', 'exits', 'devices'],
} as const;

/** As guests/adversary/sender.s names them. */
const slots = { objects: 460, cspace: 461, vspace: 462, door: 463, go: 464, slots: 465, page: 466 } as const;

function modulationsOf({ kind, name }: Cell): readonly string[] {
  if (kind === 'native' || kind === 'vm') return modulations[kind];
  throw new Refusal('usage', `${name}: the adversary replaces native and VM cells only`);
}

/** The bits of the modulations asked for; all of them for `all`. Throws a Refusal for one that there isn't. */
export function chosenModulations(cell: Cell, names: readonly string[]): number {
  const known = modulationsOf(cell);
  if (names.includes('all')) return 2 ** known.length - 1;
  return names.reduce((bits, name) => {
    const bit = known.indexOf(name);
    if (bit >= 0) return bits | (1 << bit);
    throw new Refusal(
      'usage',
      `--adversary: ${cell.name} cannot modulate '${name}'`,
      `it can: all, ${known.join(', ')}`,
    );
  }, 0);
}

/** The manifest with the sender in a cell's place. */
export function withAdversary(
  manifest: Manifest,
  name: string,
  secret: bigint,
  chosen: number,
  folder: string,
): Manifest {
  return withCell(manifest, name, (cell) => {
    const source = (file: string): string =>
      `${readFileSync(join(builtInGuests(), 'adversary', file), 'utf8')}\nsecret: .dword ${secretText(secret)}\nmodulations: .dword ${chosen}\n`;
    if (cell.kind === 'vm') {
      const origin = guestLayout.ram;
      const { bytes } = assemble(source('exits.s'), { origin, file: 'exits.s' });
      const elf = writeElf({ segments: [{ address: BigInt(origin), bytes }], entry: BigInt(origin) });
      return { ...cell, kernel: program(folder, `exits-${secretText(secret)}.elf`, elf), initrd: undefined };
    }
    if (cell.kind !== 'native') return cell;
    const elf = assembleProgram(source('sender.s'), 'sender.s');
    if (!elf.ok) throw new Error(`sender.s: ${elf.error.place}: ${elf.error.message}`);
    return { ...cell, program: program(folder, `sender-${secretText(secret)}.elf`, elf.value) };
  });
}

function program(folder: string, name: string, elf: Uint8Array): ImageFile {
  const header = readImageHeader(elf.subarray(0, imageHeaderSize), ['elf']);
  if (!('segments' in header)) throw new Error(`${name} is no ELF`);
  return { ...temporaryFile(folder, name, elf), format: 'elf', segments: header.segments };
}

/** Another hart for the second thread, so that there are calls between harts as well: one without windows, if there is any. */
function helperHart({ machine, domainSchedules }: Plan, own: number): number {
  for (let hart = 0; hart < machine.harts; hart++) {
    if (hart !== own && domainSchedules.every((schedule) => schedule.hart !== hart)) return hart;
  }
  return own;
}

/** Adds to the plan what the sender wants: objects, capabilities, and its second thread. */
export function armAdversary(plan: Plan, cell: string): void {
  const thread = plan.threads.find((each) => each.cell === cell)!;
  if (thread.program.kind !== 'elf') return;
  const cspace = plan.cspaces.find(({ cnode }) => cnode === thread.cspace)!;
  const input = cspace.capabilities.find((each) => each.slot === slot.input)!.object;
  const object = (name: string, type: ObjectType, bits: number): string => {
    const id = `${cell}.adversary.${name}`;
    plan.objects.push({ id, type, sizeBits: bits, count: 1, owner: `cell ${cell}` });
    return id;
  };
  const give = (at: number, id: string, purpose: string): void =>
    void cspace.capabilities.push({ slot: at, object: id, rights: { ...rights.all }, purpose });
  give(slots.objects, object('objects', 'Untyped', 16), 'retypes');
  give(slots.page, object('page', 'Untyped', sizeBits.page), 'retypes');
  give(slots.slots, object('slots', 'CNode', cspaceRadix + sizeBits.slot), 'slots for objects');
  give(slots.go, object('go', 'Notification', sizeBits.notification), 'wakes its second thread');
  give(slots.cspace, thread.cspace, 'its own CSpace');
  give(slots.vspace, thread.vspace, 'its own VSpace');
  give(slots.door, input, 'calls itself');

  const schedContext = object('sc', 'SchedContext', 8);
  const own = plan.schedContexts.find((each) => each.object === thread.schedContext)!;
  const hart = helperHart(plan, thread.hart);
  plan.schedContexts.push({ ...own, object: schedContext, hart });
  const tcb = object('tcb', 'TCB', sizeBits.tcb);
  const { ipcBuffer: _, ...rest } = thread;
  plan.threads.push({
    ...rest,
    tcb,
    hart,
    schedContext,
    passive: false,
    boundNotification: undefined,
    faultHandler: { endpoint: input, badge: `0x${faultBadge(0).toString(16)}` },
    program: { kind: 'elf', image: thread.program.image, entry: 'helper' },
  });
  for (const { domains } of hart === thread.hart ? plan.domainSchedules : []) {
    const same = domains.find((each) => each.tcb === thread.tcb);
    if (same) domains.push({ tcb, domain: same.domain });
  }
}
