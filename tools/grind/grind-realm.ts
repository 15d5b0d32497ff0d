// A realm for the grinder: it makes the system call in its registers when it is told to, and otherwise computes.

import type { Realm, RealmThread } from '../../microvisor/realm.ts';

/** Set by whoever makes the thread act; one for all realms, since one thread acts at a time. */
export const command = { call: false };

/** Cycles that a turn takes. */
export const realmTurn = 40;

export class GrindRealm implements Realm {
  private generation = 0;

  resume(thread: RealmThread): void {
    if (command.call) {
      command.call = false;
      if (!thread.systemCall()) return;
    }
    thread.pay(realmTurn);
  }
  skip(): void {}
  restart(): void {
    this.generation++;
  }
  save(): number {
    return this.generation;
  }
  load(saved: unknown): void {
    this.generation = saved as number;
  }
}

/** RealmControlBind knows two. */
export const realms = { create: (number: number): Realm | undefined => (number < 2 ? new GrindRealm() : undefined) };
