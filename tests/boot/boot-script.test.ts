// The script of a plan: invocations in an order and with places that the kernel accepts, for any memory it hands out.

import { describe, expect, test } from 'vitest';
import { initialCap } from '../../microvisor/abi/boot-info.ts';
import { retypeFanOutLimit } from '../../microvisor/abi/limits.ts';
import { type BootFacts, type Content, type Script, type Step, writeScript } from '../../tools/boot/boot-script.ts';
import type { Invocation } from '../../tools/boot/invocation.ts';
import { buildPlan } from '../../tools/plan/build.ts';
import type { Plan } from '../../tools/plan/plan.ts';
import { manifestOf } from './system-bench.ts';

const ram = 0x8020_0000;
const firstSlot = 40;

/** What a kernel hands over: RAM in untypeds of these sizes, one after the other, and the devices. */
function factsOf(bits: readonly number[] = [26], slots = 65536): BootFacts {
  let physical = ram;
  const untypeds = bits.map((each, index) => {
    physical = Math.ceil(physical / 2 ** each) * 2 ** each;
    const untyped = { slot: 20 + index, physical, sizeBits: each, device: false, watermark: 0 };
    physical += 2 ** each;
    return untyped;
  });
  untypeds.push({ slot: 19, physical: 0, sizeBits: 28, device: true, watermark: 0 });
  return {
    untypeds,
    empty: { first: firstSlot, end: slots },
    schedControl: 17,
    ipcBufferAddress: 0x1_0000,
    cNodeSizeBits: 16,
  };
}

const write = (plan: Plan, facts = factsOf(), contents: readonly Content[] = []): Script =>
  writeScript(plan, facts, contents, (thread) => ({ kind: 'realm', number: plan.threads.indexOf(thread) + 1 }));
const invocations = (steps: readonly Step[], label: Invocation['label']): Invocation[] =>
  steps.filter((step): step is Invocation => 'label' in step && step.label === label);

const body = `machine: { ram: 64M, harts: 2 }
devices:
  serial: { model: uart }
  clock: { model: rtc }
regions:
  shared: { size: 64K }
cells:
  anna: { kind: native, program: servers/talker, priority: 50, maps: [{ region: shared, at: 0x50000000, perms: r }] }
  bert: { kind: native, program: servers/talker, priority: 60, hart: 1, memory: 2M, owns: [clock, serial],
          maps: [{ region: shared, at: 0x60000000, perms: rw }] }
channels:
  - { name: line, type: stream, ends: [anna, bert], buffer: 64K }
  - { name: bell, type: notify, from: anna, to: bert }
`;
const plan = buildPlan(manifestOf(body));

describe('a boot script', () => {
  test('is the same for the same plan and the same facts', () => {
    expect(write(plan)).toEqual(write(plan));
  });

  test('makes every object of the plan, each in a slot of its own', () => {
    const { slots, steps } = write(plan);
    expect([...slots.keys()].sort()).toEqual(plan.objects.map(({ id }) => id).sort());
    const taken = plan.objects.flatMap(({ id, count }) => Array.from({ length: count }, (_, n) => slots.get(id)! + n));
    expect(new Set(taken).size).toBe(taken.length);
    expect(Math.min(...taken)).toBeGreaterThanOrEqual(firstSlot);
    const filled = new Set<number>();
    for (const { words } of invocations(steps, 'UntypedRetype')) {
      const [, , , , first, count] = words as number[];
      for (let slot = first!; slot < first! + count!; slot++) {
        expect(filled.has(slot)).toBe(false);
        filled.add(slot);
      }
    }
    for (const { id, type, count } of plan.objects) {
      if (type === 'IRQHandler') continue;
      for (let n = 0; n < count; n++) expect(filled).toContain(slots.get(id)! + n);
    }
  });

  test('retypes no more objects at once than the kernel lets it', () => {
    const large = buildPlan(manifestOf(body.replace('memory: 2M', 'memory: 1028K').replace('64M', '128M')));
    const counts = invocations(write(large, factsOf([27])).steps, 'UntypedRetype').map(({ words }) => Number(words[5]));
    expect(Math.max(...counts)).toBe(retypeFanOutLimit);
  });

  test('spreads objects over untypeds, and never asks one for more than it has', () => {
    const facts = factsOf([20, 14, 21, 16, 12, 20, 22]);
    const room = new Map(facts.untypeds.map(({ slot, sizeBits: bits }) => [slot, 2 ** bits]));
    const { steps } = write(plan, facts);
    for (const { slot, watermark } of facts.untypeds) expect(watermark).toBeLessThanOrEqual(room.get(slot)!);
    expect(new Set(invocations(steps, 'UntypedRetype').map(({ capability }) => capability)).size).toBeGreaterThan(2);
  });

  test('says that the RAM is too small, or that there are too few slots', () => {
    expect(() => write(plan, factsOf([20]))).toThrow(new RangeError('the machine has too little RAM for the system'));
    expect(() => write(plan, factsOf([26], firstSlot + 20))).toThrow(/more than the 60 capabilities/);
  });

  test('finds device registers inside of large device memory, also when devices are not in the order of addresses', () => {
    const devices = plan.objects.filter(({ type }) => type === 'DeviceFrame');
    expect(devices).toHaveLength(2);
    const facts = factsOf();
    const { steps, slots } = write(plan, facts);
    let at = 0;
    const placed = new Map<number, number>();
    for (const { capability, words } of invocations(steps, 'UntypedRetype')) {
      if (capability !== 19) continue;
      const [, bits, , , slot] = words as number[];
      const size = bits === 0 ? 4096 : 2 ** bits!;
      expect(at % size).toBe(0);
      placed.set(slot!, at);
      at += size;
    }
    for (const { id, physical } of devices) expect(placed.get(slots.get(id)!)).toBe(physical);
  });

  test('says so when there is no device memory where a device should be', () => {
    const facts = factsOf();
    facts.untypeds.pop();
    expect(() => write(plan, facts)).toThrow(/^no device memory at 0x/);
  });

  test('maps a frame a second time through a copy of its capability', () => {
    const { steps, slots } = write(plan);
    const shared = plan.objects.find(({ owner }) => owner === 'region shared')!;
    const mapped = invocations(steps, 'RISCVPageMap').map(({ capability }) => capability);
    expect(new Set(mapped).size).toBe(mapped.length);
    const copies = invocations(steps, 'CNodeCopy').filter(({ words }) => words[2] === slots.get(shared.id));
    expect(copies).toHaveLength(1);
    expect(mapped).toContain(Number(copies[0]!.words[0]));
  });

  test('gives each mapping the rights of the plan, and a page table before the first page that needs it', () => {
    const { steps } = write(plan);
    const tables = new Set<string>();
    for (const step of steps) {
      if (!('label' in step)) continue;
      const [at, rights] = step.words.map(Number);
      const space = step.capabilities[0];
      const gigabyte = `${space}:${Math.floor(at! / 2 ** 30)}`;
      const megabytes = `${space}:${Math.floor(at! / 2 ** 21)}`;
      if (step.label === 'RISCVPageTableMap') tables.add(tables.has(gigabyte) ? megabytes : gigabyte);
      if (step.label !== 'RISCVPageMap') continue;
      expect(tables).toContain(gigabyte);
      if (at! >= 0x5000_0000 && at! < 0x5001_0000) expect(rights).toBe(2);
      if (at! >= 0x6000_0000 && at! < 0x6001_0000) expect(rights).toBe(3);
    }
  });

  test('fills frames through a window, page by page, before it maps them for good', () => {
    const object = plan.objects.find(({ owner }) => owner === 'region shared')!.id;
    const bytes = Uint8Array.from({ length: 10_000 }, (_, index) => index & 255);
    const { steps, slots } = write(plan, factsOf(), [{ object, offset: 4000, bytes }]);
    const stores = steps.flatMap((step, index) => ('store' in step ? [{ ...step, index }] : []));
    expect(stores.map(({ store }) => store.length)).toEqual([96, 4096, 4096, 1712]);
    expect(stores.flatMap(({ store }) => [...store])).toEqual([...bytes]);
    expect(stores.map(({ at }) => at % 4096)).toEqual([4000, 0, 0, 0]);
    for (const [page, { index }] of stores.entries()) {
      expect(steps[index - 1]).toMatchObject({ label: 'RISCVPageMap', capability: slots.get(object)! + page });
      expect(steps[index + 1]).toMatchObject({ label: 'RISCVPageUnmap', capability: slots.get(object)! + page });
    }
  });

  test('starts a thread only when it has its spaces, its time and its fault handler', () => {
    const { steps, slots } = write(plan);
    for (const { tcb } of plan.threads) {
      const about = steps.flatMap((step) =>
        'label' in step && step.capability === slots.get(tcb) ? [step.label] : [],
      );
      expect(about.slice(0, 2)).toEqual(['TCBSetSpace', 'TCBSetIPCBuffer']);
      expect(about).toContain('TCBSetSchedParams');
      expect(about.at(-1)).toBe('TCBResume');
      const bind = steps.find(
        (step) => 'label' in step && step.label === 'RealmControlBind' && step.capabilities[0] === slots.get(tcb),
      );
      expect(bind).toMatchObject({ capability: initialCap.realmControl });
    }
  });
});
