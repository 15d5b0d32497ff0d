// The statements of a template.

import { holeIndex, type Kind } from './code.ts';
import { FunctionBuilder, Label, Local } from './module.ts';
import { firstScratch, Template } from './template.ts';
import { classes, type I32, I64, type Value } from './values.ts';

/** The local, the label or the constant that a use gives under a number below `firstScratch`. */
export const localHole = <K extends Kind>(which: number, kind: K): Local<K> => new Local(holeIndex(which), kind);
export const labelHole = (which: number): Label => new Label(holeIndex(which));
/** The offset of a load or store. */
export const offsetHole = (which: number): number => holeIndex(which);
export const constantHole = (which: number): I64 =>
  new I64((code) => {
    code.u8(0x42);
    code.hole(which, true);
  });

/** The value that the template before has left; only as the first that the statement after it evaluates. */
export const leftBefore = (): I32 => new classes.i32(() => {});

export class TemplateBuilder extends FunctionBuilder {
  private readonly scratch: Kind[] = [];

  constructor() {
    super([]);
  }

  protected override fresh(kind: Kind): number {
    return holeIndex(firstScratch + this.scratch.push(kind) - 1);
  }

  /** Ends with a value, which is `leftBefore` for what comes next. */
  leaveValue(value: Value): void {
    value.emit(this.code);
  }

  template(): Template {
    return new Template(this.code, this.hints, this.scratch);
  }
}
