import { describe, expect, it } from 'vitest';
import { bootInfo } from '../../microvisor/abi/boot-info.ts';
import { label } from '../../microvisor/abi/invocation-labels.ts';
import { messageInfoFromWord, messageInfoWord } from '../../microvisor/abi/message-info.ts';
import { objectType } from '../../microvisor/abi/object-types.ts';
import { systemCall } from '../../microvisor/abi/system-calls.ts';
import { userContext } from '../../microvisor/abi/user-context.ts';

describe('the ABI', () => {
  it('numbers invocations as seL4 16.0.0 for riscv64 with MCS does', () => {
    expect(label).toMatchObject({
      UntypedRetype: 1,
      TCBConfigure: 5,
      TCBSetTLSBase: 16,
      TCBSetFlags: 17,
      CNodeRevoke: 18,
      CNodeRotate: 25,
      IRQIssueIRQHandler: 26,
      DomainSetSet: 30,
      SchedControlConfigureFlags: 33,
      RISCVPageTableMap: 39,
      RISCVIRQIssueIRQHandlerTrigger: 46,
      VCPUBind: 47,
    });
  });
  it('numbers object types and system calls as pinned', () => {
    expect(objectType).toMatchObject({
      untyped: 0,
      tcb: 1,
      capTable: 4,
      reply: 6,
      gigaPage: 7,
      page: 8,
      megaPage: 9,
      pageTable: 10,
    });
    expect(systemCall).toMatchObject({
      call: -1,
      replyRecv: -2,
      recv: -7,
      yield: -11,
      debugNameThread: -17,
      setTlsBase: -33,
    });
  });
  it('lays BootInfo out in 3,864 bytes', () => {
    expect(bootInfo.untyped).toBe(168);
    expect(bootInfo.untypedList + 230 * 16).toBe(bootInfo.size);
  });
  it('packs and unpacks message info words', () => {
    const info = { label: 2 ** 52 - 1, capsUnwrapped: 5, extraCaps: 3, length: 120 };
    expect(messageInfoFromWord(BigInt.asIntN(64, messageInfoWord(info)))).toEqual(info);
  });
  it('names every register of a user context once', () => {
    expect(new Set(userContext).size).toBe(32);
  });
});
