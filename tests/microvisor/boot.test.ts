import { describe, expect, it } from 'vitest';
import { bootInfo } from '../../microvisor/abi/boot-info.ts';
import { checkInvariants } from '../../microvisor/invariants/sweep.ts';
import { loadKernel, saveKernel } from '../../microvisor/save.ts';
import { capType, initialCap, systemCall, World } from './world.ts';

describe('boot', () => {
  it('gives the initial thread its fixed capabilities, a SchedControl per hart and all of RAM', () => {
    const world = new World({ harts: 2 });
    const types = [1, 2, 3, 4, 5, 6, 9, 10, 11, 14].map((index) => world.cap(index).type);
    expect(types).toEqual([
      capType.thread,
      capType.cNode,
      capType.pageTable,
      capType.irqControl,
      capType.asidControl,
      capType.asidPool,
      capType.frame,
      capType.frame,
      capType.domain,
      capType.schedContext,
    ]);
    expect(world.cap(initialCap.realmControl).type).toBe(capType.null);
    expect(world.schedControl(1)).toBe(world.schedControl(0) + 1);
    const info = world.cap(initialCap.bootInfoFrame);
    if (info.type !== capType.frame) throw new Error('no frame');
    const word = (offset: number): number => Number(world.kernel.loadWord(info.address + offset));
    expect(word(bootInfo.numNodes)).toBe(2);
    expect(word(bootInfo.initThreadCNodeSizeBits)).toBe(13);
    expect(word(bootInfo.userImageFrames + 8) - word(bootInfo.userImageFrames)).toBe(1);
    let ram = 0;
    for (let slot = word(bootInfo.untyped); slot < word(bootInfo.untyped + 8); slot++) {
      const cap = world.cap(slot);
      if (cap.type !== capType.untyped) throw new Error('no untyped');
      const at = bootInfo.untypedList + 16 * (slot - word(bootInfo.untyped));
      expect(word(at)).toBe(cap.address);
      expect(word(at + 8)).toBe(cap.sizeBits + (cap.device ? 256 : 0));
      if (!cap.device) ram += 2 ** cap.sizeBits;
    }
    // 8 MiB without the kernel's 2 MiB, the image and the initial objects (256 KiB root CNode and ten pages or less).
    expect(ram).toBeGreaterThan(5.6 * 2 ** 20);
    expect(world.x(world.rootTcb, 10)).toBe(0x1_2000n);
  });

  it('carries the device tree as extra BootInfo', () => {
    const world = new World({ boot: { deviceTree: new Uint8Array([0xd0, 0x0d, 0xfe, 0xed]) } });
    const info = world.cap(initialCap.bootInfoFrame);
    if (info.type !== capType.frame) throw new Error('no frame');
    expect(world.kernel.loadWord(info.address + bootInfo.extraLen)).toBe(20n);
    const page = world.cap(Number(world.kernel.loadWord(info.address + bootInfo.extraBiPages)));
    if (page.type !== capType.frame) throw new Error('no frame');
    expect(world.kernel.loadWord(page.address)).toBe(6n);
    expect(world.kernel.loadWord(page.address + 16)).toBe(0xedfe0dd0n);
    expect(page.mappedAddress).toBe(0x1_3000);
  });

  it('saves its state as plain data and goes on from it', () => {
    const world = new World();
    const server = world.thread({ priority: 120 });
    const client = world.thread({ priority: 110, budget: 500, period: 5000 });
    const endpoint = world.endpoint();
    world.call(endpoint, 7, [1, 2, 3, 4, 5]);
    world.expectCurrent(client);
    const saved = JSON.parse(JSON.stringify(saveKernel(world.kernel)));
    loadKernel(world.kernel, saved);
    expect(saveKernel(world.kernel)).toEqual(saved);
    expect(world.current().name).toBe(client.tcb.name);
    expect(world.current() === client.tcb).toBe(false);
    world.wait(endpoint);
    // Without a reply object the caller is left inactive; the message has arrived.
    expect(world.message()).toMatchObject({ label: 7, words: [1n, 2n, 3n, 4n, 5n] });
    expect(server.tcb.name).not.toBe(client.tcb.name);
  });

  it('goes on from a state in which a thread has cut its own budget down, and the timer still stands where it stood', () => {
    const world = new World();
    expect(world.configure(initialCap.schedContext, { budget: 100 }).label).toBe(0);
    loadKernel(world.kernel, JSON.parse(JSON.stringify(saveKernel(world.kernel))));
    expect(() => checkInvariants(world.kernel)).not.toThrow();
    world.ecall(systemCall.yield);
    expect(world.deadlines[0]).toBeLessThanOrEqual(world.clocks[0]! + 100_000);
  });
});
