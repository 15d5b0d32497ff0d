import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { walk } from '../../guests/vmm/guest-walk.ts';
import { regimes } from '../../hw/engine/layout.ts';
import { plainConfig } from './fake-vm.ts';
import { StageTwoMachine } from './stage-two-machine.ts';

const ram = { base: 0x8000_0000, bytes: 2 ** 21 };
const pageFault = { load: 13, fetch: 12 };
const [sum, mxr] = [1n << 18n, 1n << 19n];
describe('the guest’s page tables', () => {
  it('are walked as the machine walks them', () => {
    const stage = new StageTwoMachine({ ...plainConfig, vcpus: 1, ram, treeAt: ram.base });
    const [hart] = stage.machine.harts;
    const context = hart!.context;
    const flags = fc.integer({ min: 0, max: 255 });
    const page = fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 0, max: 15 }).map((index) => ram.base / 4096 + index) },
      fc.constantFrom(0, 0x1_0001, 512 * (ram.base / 2 ** 21)),
    );
    const entry = fc.record({
      flags: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(1, 1, 1, 0xcf, 0xdf, 0xdb, 0x4b, 0x43) }, flags),
      page,
      high: fc.oneof({ weight: 12, arbitrary: fc.constant(0n) }, fc.constantFrom(1n << 63n, 1n << 60n)),
    });
    const small = fc.integer({ min: 0, max: 1 });
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 32, maxLength: 32 }),
        fc.record({ mode: fc.constantFrom(0n, 8n, 9n, 10n), indices: fc.array(small, { minLength: 5, maxLength: 5 }) }),
        fc.record({ user: fc.boolean(), fetch: fc.boolean(), status: fc.constantFrom(0n, sum, mxr, sum | mxr) }),
        (entries, { mode, indices }, { user, fetch, status }) => {
          // Sixteen pages of tables, two entries in each.
          const bytes = new Uint8Array(16);
          const view = new DataView(bytes.buffer);
          for (let table = 0; table < 16; table++) {
            for (const index of [0, 1]) {
              const { flags: low, page: ppn, high } = entries[2 * table + index]!;
              view.setBigUint64(8 * index, (BigInt(ppn) << 10n) | BigInt(low) | high, true);
            }
            stage.load(ram.base + 0x1000 * table, bytes);
          }
          const levels = mode === 0n ? 3 : Number(mode) - 5;
          let address = 0x123n;
          for (let level = 0; level < levels; level++) address |= BigInt(indices[level]!) << BigInt(12 + 9 * level);
          if (mode === 0n) address += BigInt(ram.base);
          const vsatp = (mode << 60n) | BigInt(ram.base / 4096);

          context.setCsr('vsatp', vsatp);
          const regime =
            (user ? 0 : 1) |
            regimes.virtual |
            (!user && status & sum ? regimes.sum : 0) |
            (status & mxr ? regimes.mxr : 0);
          hart!.port.fence({ stage: 'first', virtual: true });
          const physical = stage.machine.engine.translate(hart!, regime, address, fetch ? 'execute' : 'read');
          const causeOfFault = hart!.cause;

          const request = { access: fetch ? 'fetch' : 'load', user, status } as const;
          const found = walk(stage.vm.port, ram, vsatp, address, request);
          if (found === 'page-fault') {
            expect(physical).toBeUndefined();
            expect(causeOfFault).toBe(fetch ? pageFault.fetch : pageFault.load);
          } else if (found === 'access-fault' || found < ram.base || found >= ram.base + ram.bytes) {
            expect(physical).toBeUndefined();
            expect([20, 21]).toContain(causeOfFault);
          } else {
            expect(physical).toBe(BigInt(stage.physical(found)));
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
