// Fences for one address in machine code: Linux executes one at most page faults. Other fences are left to
// hw/hart/system.ts and hw/engine/translation-cache.ts.

import { hstatus, privileges, status } from '../../hart/fields.ts';
import type { Fn, ModuleBuilder } from '../../wasm/module.ts';
import { I32, type I64, load } from '../../wasm/values.ts';
import { tlbEntry } from '../access.ts';
import { control, csrAt, context as fields, record, space, spaceKinds, tlb } from '../layout.ts';
import { zero64 } from '../physical.ts';
import { privilegeOf, virtualOf } from './mode.ts';
import { outcomes } from './traps.ts';

export interface Fences {
  /** (bank, address): drops what the bank holds for an address. */
  dropAddress: Fn<readonly ['i32', 'i64'], undefined>;
  /** (context, record, operation) → one of `outcomes`: SFENCE.VMA and SINVAL.VMA. */
  sfence: Fn<readonly ['i32', 'i32', 'i32'], 'i32'>;
}

const zero = I32.of(0);

export function defineFences(module: ModuleBuilder, imports: { system: Fn<readonly ['i32', 'i32'], 'i32'> }): Fences {
  const dropAddress = module.function(['i32', 'i64'], undefined, (f, bank, address) => {
    f.if(load.i32(bank.get, tlb.dirty).eqz(), () => f.return());
    const inLarge = address.get
      .geU(load.i64(bank.get, tlb.largeFirst))
      .and(address.get.leU(load.i64(bank.get, tlb.largeLast)));
    f.if(load.i32(bank.get, tlb.large).and(inLarge), () => {
      f.fill(bank.get, I32.of(tlb.emptyByte), I32.of(tlb.large));
      f.store('i32', bank.get, zero, tlb.large);
      f.store('i32', bank.get, zero, tlb.dirty);
      f.store('i64', bank.get, zero64, tlb.stamp);
      f.return();
    });
    const page = f.let(address.get.and(-4096));
    for (const table of [tlb.read, tlb.write, tlb.fetch]) {
      const entry = f.let(tlbEntry(bank.get, address.get, table));
      f.if(load.i64(entry).eq(page), () => {
        // A tag with bit 11 set matches no address.
        f.store('i64', entry, page.or(0x800));
        if (table === tlb.fetch) f.store('i64', bank.get, zero64, tlb.stamp);
      });
    }
  });

  /** Identifiers in an xatp register. */
  const identifier = (atp: I64, mask: number): I32 => atp.shrU(44).wrap().and(mask);
  const asidMask = 0xffff;
  const vmidMask = 0x3fff;

  const sfence = module.function(['i32', 'i32', 'i32'], 'i32', (f, context, at, operation) => {
    const privilege = f.let(privilegeOf(context.get));
    const virtual = f.let(virtualOf(context.get));
    const trapped = virtual.select(
      load.i32(context.get, csrAt.hstatus).and(hstatus.vtvm),
      load.i32(context.get, csrAt.mstatus).and(status.tvm),
    );
    const allowed = privilege.eq(privileges.m).or(privilege.eq(privileges.s).and(trapped.eqz()));
    const rs1 = f.let(load.u16(at.get, record.rs1));
    const rs2 = f.let(load.u16(at.get, record.rs2));
    f.if(allowed.and(rs1.ne(0)), () => {
      const address = f.let(load.i64(context.get.add(rs1)));
      const asid = f.let(load.i32(context.get.add(rs2)).and(asidMask));
      const vmid = f.let(identifier(load.i64(context.get, csrAt.hgatp), vmidMask));
      const kind = f.let(virtual.select(I32.of(spaceKinds.virtual), I32.of(spaceKinds.supervisor)));
      const first = f.let(load.i32(zero, control.machineSpace));
      const each = f.local('i32');
      const regimes = f.local('i64');
      f.set(each, first);
      const end = f.let(load.i32(first, space.end));
      f.loop((next) => {
        const sameAsid = rs2.eqz().or(identifier(load.i64(each.get, space.atp), asidMask).eq(asid));
        const sameVmid = virtual.eqz().or(identifier(load.i64(each.get, space.hgatp), vmidMask).eq(vmid));
        f.if(load.i32(each.get, space.kind).eq(kind).and(sameAsid).and(sameVmid), () => {
          f.set(regimes, load.i64(each.get, space.regimes));
          f.block((done) => {
            f.loop((nextRegime) => {
              f.brIf(done, regimes.get.eqz());
              const bank = load.i32(each.get.add(regimes.get.ctz().wrap().shl(2)), space.banks);
              f.run(dropAddress.call(bank, address));
              f.set(regimes, regimes.get.and(regimes.get.sub(1)));
              f.br(nextRegime);
            });
          });
        });
        f.set(each, each.get.add(space.size));
        f.brIf(next, each.get.ltU(end));
      });
      // The page that is executing may have gone: look it up again.
      f.store('i64', context.get, load.i64(context.get, fields.pc).add(4), fields.pc);
      f.return(I32.of(outcomes.resume));
    });
    f.return(imports.system.call(operation.get, at.get));
  });

  return { dropAddress, sfence };
}
