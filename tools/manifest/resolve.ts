// From a draft without errors to the manifest that the rest of the program sees.

import type { DocumentPath } from './diagnostic.ts';
import type { Cell, Channel, Device, ImageFile, Manifest, Region } from './model.ts';
import { firstFreeIrq, lastIrq } from './rules/devices.ts';
import { imageKey, type ResolvedImages } from './rules/images.ts';
import type { ChannelChecked, ManifestChecked, ManifestDraft } from './schema.ts';

/** Call only when no rule complained: what the rules guarantee is taken for granted here. */
export function resolveManifest(file: string, draft: ManifestDraft, images: ResolvedImages): Manifest {
  // Every required field is present and every default is in: that is what `checked` means.
  const checked = draft as unknown as ManifestChecked;
  const at = (...path: DocumentPath): ImageFile => images.get(imageKey(path))!;
  const maybe = (present: unknown, ...path: DocumentPath): ImageFile | undefined =>
    present === undefined ? undefined : at(...path);

  const supervisorOf = new Map<string, string>();
  for (const [name, cell] of checked.cells) {
    if (cell.kind === 'native') for (const child of cell.supervises) supervisorOf.set(child, name);
  }
  const cells = [...checked.cells].map(([name, cell]): Cell => {
    const config = cell.config === undefined ? undefined : Object.fromEntries(cell.config);
    const named = { name, supervisor: supervisorOf.get(name), config };
    switch (cell.kind) {
      case 'native':
        return { ...cell, ...named, program: at('cells', name, 'program') };
      case 'vm':
        return {
          ...cell,
          ...named,
          kernel: at('cells', name, 'kernel'),
          initrd: maybe(cell.initrd, 'cells', name, 'initrd'),
        };
      case 'posix':
        return { ...cell, ...named, rootfs: at('cells', name, 'rootfs'), env: Object.fromEntries(cell.env) };
      case 'rtos':
        return { ...cell, ...named, image: at('cells', name, 'image') };
      default:
        return cell satisfies never;
    }
  });

  const ownerOf = new Map(cells.flatMap((cell) => cell.owns.map((device): [string, string] => [device, cell.name])));
  const taken = new Set([...checked.devices.values()].map((device) => device.irq));
  const free = Array.from({ length: lastIrq - firstFreeIrq + 1 }, (_, i) => firstFreeIrq + i).filter(
    (irq) => !taken.has(irq),
  );
  const devices = [...checked.devices].map(
    ([name, device]): Device => ({
      name,
      model: device.model,
      backing: maybe(device.backing, 'devices', name, 'backing'),
      mode: device.mode,
      irq: device.irq ?? free.shift()!,
      owner: ownerOf.get(name),
    }),
  );
  const regions = [...checked.regions].map(
    ([name, region]): Region => ({ name, ...region, prefill: maybe(region.prefill, 'regions', name, 'prefill') }),
  );
  const modes = [...(checked.schedule?.modes ?? [])].map(([name, harts]) => ({
    name,
    harts: [...harts].map(([hart, frame]) => ({ hart: Number(hart), frame })).sort((a, b) => a.hart - b.hart),
  }));
  return freeze({
    file,
    system: checked.system,
    machine: { ...checked.machine, costs: givenCosts(checked.machine.costs) },
    images: [...new Map([...images.values()].map((image) => [image.path, image])).values()],
    regions,
    devices,
    cells,
    channels: checked.channels.flatMap(channelPairs),
    schedule:
      checked.schedule === undefined || modes.length === 0
        ? undefined
        : { initial: checked.schedule.initial ?? modes[0]!.name, modes },
    health: checked.health,
    faults: checked.faults === undefined ? undefined : { plan: at('faults', 'plan'), armed: checked.faults.armed },
  });
}

const givenCosts = (costs: Readonly<Record<string, number | undefined>>): Record<string, number> =>
  Object.fromEntries(Object.entries(costs).filter((entry): entry is [string, number] => entry[1] !== undefined));

/** One channel per pair of cells. */
function channelPairs(entry: ChannelChecked): Channel[] {
  const { ends, from, to, name, ...rest } = entry;
  const duplex = ends !== undefined;
  const pairs = duplex ? [[ends[0]!, ends[1]!]] : from!.flatMap((source) => to!.map((target) => [source, target]));
  return pairs.map(([source, target]) => {
    const id = pairs.length === 1 ? name : `${name}:${source}:${target}`;
    return { name, id, from: source!, to: target!, duplex, ...rest } as Channel;
  });
}

/** Freezes plain data through and through. */
function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) freeze(each);
  }
  return value;
}
