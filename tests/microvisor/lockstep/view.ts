// What a generator of actions sees of a state: capabilities in the root CNode, by what they are good for.

import { type Capability, type SlotId, type State, slotId, tcbSlots } from '../../../microvisor/specification/state.ts';
import type { Dice } from '../../../tools/dice.ts';
import { initialCap } from '../world.ts';
import { spareSlots } from './population.ts';

export type Kind = Capability['kind'];

export class View {
  private readonly ids: readonly SlotId[];
  private byKind = new Map<Kind, number[]>();
  private caps = new Map<number, Capability>();
  private slots: State['slots'] | null = null;

  /** `start`: a state whose current thread has the root CNode. */
  constructor(
    private readonly dice: Dice,
    start: State,
  ) {
    const cap = start.slots[slotId(start.current!, tcbSlots.cspace)]!.cap;
    if (cap.kind !== 'cnode') throw new Error('no CNode');
    this.ids = Array.from({ length: 2 ** cap.radix }, (_, index) => slotId(cap.object, index));
  }

  look(state: State): void {
    if (this.slots === state.slots) return;
    this.slots = state.slots;
    this.byKind = new Map();
    this.caps = new Map();
    this.ids.forEach((id, index) => {
      const cap = state.slots[id]?.cap;
      if (cap === undefined) return;
      this.caps.set(index, cap);
      const known = this.byKind.get(cap.kind);
      if (known === undefined) this.byKind.set(cap.kind, [index]);
      else known.push(index);
    });
  }

  at(index: number): Capability | undefined {
    return this.caps.get(index);
  }
  /** The address of a capability of a kind; seldom of another. */
  cap(kind: Kind): number {
    const known = this.byKind.get(kind);
    return known === undefined || this.dice.once(30) ? this.any() : this.dice.of(known);
  }
  any(): number {
    return this.caps.size === 0 || this.dice.once(8) ? this.spare() : this.dice.of([...this.caps.keys()]);
  }
  /** A slot that is empty at first, and where what is new goes. */
  spare(): number {
    return spareSlots.first + this.dice.below(spareSlots.count);
  }
  /** A capability with a right, mostly. */
  partner(kind: 'endpoint' | 'notification', right: 'send' | 'receive'): number {
    const known = (this.byKind.get(kind) ?? []).filter((index) => {
      const cap = this.caps.get(index);
      return cap?.kind === kind && cap[right];
    });
    return known.length === 0 || this.dice.once(15) ? this.cap(kind) : this.dice.of(known);
  }
  /** A capability that may be the last to its object; not one that everything hangs on. */
  last(): number {
    const known = [...this.caps].filter(([index, cap]) => {
      if (index <= initialCap.schedContext || !('object' in cap)) return false;
      return ![...this.caps].some(([other, { kind, ...rest }]) => {
        return other !== index && kind === cap.kind && 'object' in rest && rest.object === cap.object;
      });
    });
    return known.length === 0 ? this.any() : this.dice.of(known)[0];
  }
  /** A capability with descendants, if they are few. */
  parent(): number {
    const known = [...this.caps.keys()].filter((index) => {
      const slot = this.slots?.[this.ids[index]!];
      return (
        slot !== undefined && slot.children.length > 0 && index > initialCap.schedContext && slot.cap.kind !== 'untyped'
      );
    });
    return known.length === 0 ? this.spare() : this.dice.of(known);
  }
  /** A slot by CNode, index and depth: mostly in the root CNode. */
  place(at: () => number): { root: number; index: number; depth: number } {
    const root = this.dice.once(4) ? this.cap('cnode') : initialCap.cNode;
    const cap = this.caps.get(root);
    if (root === initialCap.cNode || cap?.kind !== 'cnode') return { root, index: at(), depth: 64 };
    return { root, index: this.dice.below(2 ** cap.radix), depth: cap.radix + cap.guardBits };
  }
}
