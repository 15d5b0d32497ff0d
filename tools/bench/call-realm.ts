// A client and a server in TypeScript, for round trips: system calls and nothing else. They find their capabilities where the
// threads in machine code do, in the data of the root task.

import { callRegister, systemCall } from '../../microvisor/abi/system-calls.ts';
import type { Realm, RealmDirectory, RealmThread } from '../../microvisor/index.ts';
import { realms } from './kernel-operations.ts';

/** What both need of the program and of who measures. */
export interface CallSetting {
  readonly symbols: ReadonlyMap<string, bigint>;
  readonly rounds: number;
  stamp(): void;
}

abstract class CallRealm implements Realm {
  constructor(protected readonly setting: CallSetting) {}
  abstract resume(thread: RealmThread): void;
  skip(): void {}
  restart(): void {}
  save(): unknown {
    return null;
  }
  load(): void {}

  protected capability(thread: RealmThread, name: string): bigint {
    return thread.load(Number(this.setting.symbols.get(name)), 8) ?? 0n;
  }
}

class Client extends CallRealm {
  private left = this.setting.rounds;
  private calling = false;

  override resume(thread: RealmThread): void {
    const endpoint = this.capability(thread, 'endpoint');
    for (;;) {
      if (this.calling) this.setting.stamp();
      this.calling = false;
      if (this.left === 0) break;
      this.left--;
      this.setting.stamp();
      this.calling = true;
      if (!invoke(thread, systemCall.call, endpoint)) return;
    }
    this.left = -1;
    if (invoke(thread, systemCall.send, this.capability(thread, 'finished'))) thread.pay(1e9);
  }
}

class Server extends CallRealm {
  private isReady = false;

  override resume(thread: RealmThread): void {
    const endpoint = this.capability(thread, 'endpoint');
    const reply = this.capability(thread, 'reply');
    let number: number = systemCall.replyRecv;
    if (!this.isReady) {
      this.isReady = true;
      thread.setRegister(callRegister.nbSendRecvDestination, this.capability(thread, 'ready'));
      number = systemCall.nbSendRecv;
    }
    for (; ; number = systemCall.replyRecv) {
      thread.setRegister(callRegister.reply, reply);
      if (!invoke(thread, number, endpoint)) return;
    }
  }
}

/** A system call without message words. true: it has returned. */
function invoke(thread: RealmThread, number: number, capability: bigint): boolean {
  thread.setRegister(callRegister.number, BigInt(number));
  thread.setRegister(callRegister.capability, capability);
  thread.setRegister(callRegister.messageInfo, 0n);
  return thread.systemCall();
}

export const callRealms = (setting: CallSetting): RealmDirectory => ({
  create(number) {
    if (number === realms.client) return new Client(setting);
    return number === realms.server ? new Server(setting) : undefined;
  },
});
