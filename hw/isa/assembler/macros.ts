// Text that repeats: .macro NAME parameters … .endm, and .rept COUNT … .endr.

import { Mistake } from './issue.ts';
import { type Statement, statementsIn, type Text } from './source.ts';

interface Macro {
  name: Text;
  parameters: { name: string; fallback: string | undefined }[];
  body: Text[];
}

const limit = 200_000;

/** Expands lines into statements. A mistake inside an expansion is reported at the macro's own line. */
export function expand(lines: readonly Text[], report: (mistake: Mistake) => void): Statement[] {
  const macros = new Map<string, Macro>();
  const statements: Statement[] = [];
  let expansions = 0;

  /** The lines of a block up to its end; `at` is the line after its head. */
  const block = (source: readonly Text[], at: number, head: RegExp, end: RegExp, from: Text): number => {
    let depth = 1;
    for (let i = at; i < source.length; i++) {
      if (head.test(source[i]!.text)) depth++;
      if (end.test(source[i]!.text) && --depth === 0) return i;
    }
    throw new Mistake(`${from.text} has no end`, from);
  };

  const define = ({ operands, name }: Statement, body: Text[]): void => {
    const [first, ...rest] = operands.flatMap((operand) =>
      operand.text.split(/\s+/).map((text) => ({ ...operand, text })),
    );
    if (!first) throw new Mistake('.macro needs a name', name!);
    const parameters = rest.map(({ text }) => {
      const [parameter, fallback] = text.split('=') as [string, string | undefined];
      return { name: parameter, fallback };
    });
    macros.set(first.text, { name: first, parameters, body });
  };

  const call = (macro: Macro, name: Text, operands: readonly Text[], depth: number): void => {
    if (operands.length > macro.parameters.length) {
      throw new Mistake(`${name.text} takes at most ${macro.parameters.length} operands`, name);
    }
    const serial = String(expansions);
    const given = new Map(
      macro.parameters.map((parameter, index) => {
        const text = operands[index]?.text ?? parameter.fallback;
        if (text === undefined) throw new Mistake(`${name.text} needs an operand for ${parameter.name}`, name);
        return [parameter.name, text];
      }),
    );
    const body = macro.body.map((line) => ({
      ...line,
      text: line.text
        .replaceAll('\\@', serial)
        .replace(/\\([A-Za-z_]\w*)(\\\(\))?/g, (whole, parameter: string) => given.get(parameter) ?? whole),
    }));
    run(body, depth + 1);
  };

  const run = (source: readonly Text[], depth: number): void => {
    for (let i = 0; i < source.length; i++) {
      for (const statement of statementsIn(source[i]!)) {
        const { name, labels } = statement;
        try {
          const macro = name && macros.get(name.text);
          if (name && (macro || name.text === '.macro' || name.text === '.rept')) {
            if (depth > 50 || ++expansions > limit) throw new Mistake('macros expand without end', name);
            if (labels.length > 0) statements.push({ labels, name: undefined, operands: [] });
          }
          if (!name) {
            statements.push(statement);
          } else if (name.text === '.macro') {
            const end = block(source, i + 1, /^\s*\.macro\b/, /^\s*\.endm\b/, name);
            define(statement, source.slice(i + 1, end));
            i = end;
          } else if (name.text === '.rept') {
            const end = block(source, i + 1, /^\s*\.rept\b/, /^\s*\.endr\b/, name);
            const times = Number(statement.operands[0]?.text ?? Number.NaN);
            if (!Number.isInteger(times) || times < 0 || times > limit) {
              throw new Mistake(`.rept needs a number from 0 to ${limit}`, statement.operands[0] ?? name);
            }
            const body = source.slice(i + 1, end);
            for (let n = 0; n < times; n++) {
              if (statements.length > limit) throw new Mistake('macros expand without end', name);
              run(body, depth + 1);
            }
            i = end;
          } else if (macro) {
            call(macro, name, statement.operands, depth);
          } else {
            statements.push(statement);
          }
        } catch (error) {
          if (!(error instanceof Mistake)) throw error;
          report(error);
        }
      }
    }
  };

  run(lines, 0);
  return statements;
}
