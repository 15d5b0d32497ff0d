// Rewrites a module so that it counts what it does: fuel at loops, calls and branches, depth at calls, bytes where
// objects and strings are built, and the statement that runs, so that a fault has a line. The names are meter-source.ts's.

import type { AnyNode, AssignmentExpression, CatchClause, Class, MemberExpression, Program, Token } from 'acorn';
import type MagicString from 'magic-string';
import { Regions } from './cost.ts';
import { depthLimit, nodesOfWeight, spreadWeight } from './meter-source.ts';
import { boundNames, children, type FunctionNode, isFunction } from './syntax-tree.ts';

export interface InstrumentOptions {
  code: MagicString;
  program: Program;
  tokens: readonly Token[];
  /** Functions that must not run while modules are evaluated: their closures share a changing variable. */
  sharing: ReadonlySet<FunctionNode>;
  /** Registers a place in the source; the number stands for it in reports. */
  place(start: number): number;
  /** Log every write to a member, for states that change in place. */
  journal: boolean;
}

/** Operators whose result can be large, and what computes it. */
const growing: Record<string, string> = { '+': '$$add', '*': '$$mul', '<<': '$$shl', '**': '$$pow' };

/** Operators that read both operands to their ends when those are long strings. */
const comparisons = new Set(['===', '!==', '==', '!=', '<', '>', '<=', '>=']);

/** The function or module whose temporaries an expression may use. */
interface Frame {
  temporaries: string[];
  weight: number;
}

/** Returns what the function around the module's text must begin with; it opens a try block. */
export function instrument(options: InstrumentOptions): string {
  const instrumenter = new Instrumenter(options);
  return instrumenter.module();
}

class Instrumenter {
  private readonly options: InstrumentOptions;
  private readonly code: MagicString;
  private readonly regions: Regions;
  /** Spreads that make arguments, which lie on the stack. */
  private readonly argumentSpreads = new Set<AnyNode>();
  private temporaryCount = 0;

  constructor(options: InstrumentOptions) {
    this.options = options;
    this.code = options.code;
    this.regions = new Regions(options.program);
  }

  module(): string {
    const frame: Frame = { temporaries: [], weight: 1 };
    const { body } = this.options.program;
    this.statements(body, frame);
    const names = frame.temporaries.map((name) => `,${name}`).join('');
    return `let $$l=${this.options.place(0)}${names};try {${this.registerFunctions(body)}`;
  }

  // Text that opens a node sticks to its right, text that closes it to its left: so neighbours never mix, and
  // outer openings, which are written first, stay outside.
  private open(at: number, text: string): void {
    // The blank keeps a keyword before it a word of its own: return[] becomes return $$b([]).
    this.code.appendRight(at, text.startsWith('$') ? ` ${text}` : text);
  }
  private close(at: number, text: string): void {
    this.code.appendLeft(at, text);
  }

  private place(node: AnyNode): number {
    return this.options.place(node.start);
  }

  /** The first token at or after an offset that reads as one of `texts`. */
  private token(from: number, ...texts: string[]): Token {
    const { tokens } = this.options;
    let low = 0;
    let high = tokens.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tokens[middle]!.start < from) low = middle + 1;
      else high = middle;
    }
    for (; ; low++) {
      const token = tokens[low];
      if (token === undefined) throw new Error(`No ${texts.join(' or ')} after offset ${from}`);
      if (texts.includes(this.code.original.slice(token.start, token.end))) return token;
    }
  }

  private temporary(frame: Frame): string {
    const name = `$$t${++this.temporaryCount}`;
    frame.temporaries.push(name);
    return name;
  }

  private charge(region: AnyNode): string {
    const { units, bytes } = this.regions.cost(region);
    return `if(($$f-=${units})<0)$$x();${bytes > 0 ? `if(($$m-=${bytes})<0)$$z();` : ''}`;
  }

  private registerFunctions(statements: readonly AnyNode[]): string {
    let text = '';
    for (const item of statements) {
      const declaration =
        item.type === 'ExportNamedDeclaration' || item.type === 'ExportDefaultDeclaration' ? item.declaration : item;
      if (declaration?.type === 'FunctionDeclaration' && declaration.id) text += `$$b(${declaration.id.name});`;
    }
    return text;
  }

  private registerRests(patterns: readonly AnyNode[]): string {
    const rests = patterns.flatMap(boundNames).filter(({ rest }) => rest);
    return rests.map(({ name }) => `$$rest(${name});`).join('');
  }

  private statements(list: readonly AnyNode[], frame: Frame): void {
    for (const statement of list) {
      const shown = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
      switch (shown?.type) {
        case undefined:
        case 'FunctionDeclaration':
        case 'ImportDeclaration':
        case 'ExportAllDeclaration':
        case 'BlockStatement':
        case 'EmptyStatement':
        case 'BreakStatement':
        case 'ContinueStatement':
          break;
        default:
          this.open(statement.start, `$$l=${this.place(statement)};`);
      }
      this.visit(statement, frame);
      if (shown?.type === 'VariableDeclaration') {
        const rests = this.registerRests(shown.declarations.map(({ id }) => id));
        if (rests !== '') this.close(statement.end, `;${rests}`);
      }
    }
  }

  /** A loop body, a branch, or the body of a catch clause: gets braces if it has none, then `before` and its charge. */
  private body(body: AnyNode, frame: Frame, before = ''): void {
    const text = before + (this.regions.has(body) ? this.charge(body) : '');
    if (body.type === 'BlockStatement') {
      this.close(body.start + 1, text + this.registerFunctions(body.body));
      this.statements(body.body, frame);
    } else if (body.type === 'EmptyStatement') {
      this.code.update(body.start, body.end, `{${text}}`);
    } else if (body.type === 'IfStatement' && text === '') {
      this.visit(body, frame);
    } else {
      this.open(body.start, `{${text}$$l=${this.place(body)};`);
      this.visit(body, frame);
      this.close(body.end, '}');
    }
  }

  private children(node: AnyNode, frame: Frame): void {
    for (const child of children(node)) this.visit(child, frame);
  }

  private wrap(node: AnyNode, opening: string, frame: Frame): void {
    this.open(node.start, opening);
    this.children(node, frame);
    this.close(node.end, ')');
  }

  private visit(node: AnyNode, frame: Frame): void {
    if (isFunction(node)) {
      if (node.type === 'FunctionDeclaration') {
        this.function(node, frame);
        return;
      }
      this.open(node.start, '$$b(');
      this.function(node, frame);
      this.close(node.end, ')');
      return;
    }
    switch (node.type) {
      case 'Property':
      case 'MethodDefinition':
      case 'PropertyDefinition': {
        if (node.computed) this.visit(node.key, frame);
        const method =
          node.type === 'MethodDefinition' || (node.type === 'Property' && (node.method || node.kind !== 'init'));
        if (method) this.function(node.value as FunctionNode, frame);
        else if (node.type === 'PropertyDefinition' && node.value && !node.static) this.inFrame(node.value, frame);
        else if (node.value) this.visit(node.value, frame);
        return;
      }
      case 'ClassDeclaration':
      case 'ClassExpression':
        this.class(node, frame);
        return;
      case 'CallExpression':
        for (const argument of node.arguments) this.argumentSpreads.add(argument);
        this.children(node, frame);
        return;
      case 'ObjectExpression':
      case 'ArrayExpression':
      case 'NewExpression':
        if (node.type === 'NewExpression') for (const each of node.arguments) this.argumentSpreads.add(each);
        this.wrap(node, '$$b(', frame);
        return;
      case 'SpreadElement':
        this.open(node.argument.start, this.argumentSpreads.has(node) ? '$$args(' : '$$spread(');
        this.visit(node.argument, frame);
        this.close(node.argument.end, ')');
        return;
      case 'TemplateLiteral':
        if (node.expressions.length > 0) this.wrap(node, '$$text(', frame);
        return;
      case 'TaggedTemplateExpression':
        this.visit(node.tag, frame);
        this.children(node.quasi, frame);
        return;
      case 'Literal':
        if ('regex' in node && node.regex) {
          const { pattern, flags } = node.regex;
          this.code.update(node.start, node.end, `$$regexp(${JSON.stringify(pattern)},${JSON.stringify(flags)})`);
        }
        return;
      case 'BinaryExpression': {
        if (comparisons.has(node.operator) && !(isShort(node.left) || isShort(node.right))) {
          this.open(node.left.start, '$$long(');
          this.visit(node.left, frame);
          this.close(node.left.end, ')');
          this.visit(node.right, frame);
          return;
        }
        const helper = growing[node.operator];
        if (helper === undefined || neverGrows(node.operator, node.left, node.right)) {
          this.children(node, frame);
          return;
        }
        const operator = this.token(node.left.end, node.operator);
        this.open(node.start, `${helper}(`);
        this.visit(node.left, frame);
        this.code.update(operator.start, operator.end, ',');
        this.visit(node.right, frame);
        this.close(node.end, ')');
        return;
      }
      case 'AssignmentExpression':
        this.assignment(node, frame);
        return;
      case 'UpdateExpression':
        this.pattern(node.argument, frame);
        return;
      case 'UnaryExpression':
        if (node.operator === 'delete') this.pattern(node.argument, frame);
        else this.visit(node.argument, frame);
        return;
      case 'YieldExpression': {
        const value = this.temporary(frame);
        const keyword = { start: node.start, end: node.start + 'yield'.length };
        this.code.update(keyword.start, keyword.end, `(${value} = (`);
        if (node.argument) this.visit(node.argument, frame);
        else this.close(node.end, 'undefined');
        const { weight } = frame;
        const resumed = `$$d+=${weight},$$g=1,($$f-=2)<0&&$$x()`;
        this.close(node.end, `),$$d-=${weight},$$g=0,${value}=yield ${value},${resumed},${value})`);
        return;
      }
      case 'VariableDeclaration':
        for (const { id, init } of node.declarations) {
          this.pattern(id, frame);
          if (init) this.visit(init, frame);
        }
        return;
      case 'ForStatement':
        for (const part of [node.init, node.test, node.update]) if (part) this.visit(part, frame);
        this.body(
          node.body,
          frame,
          node.init?.type === 'VariableDeclaration'
            ? this.registerRests(node.init.declarations.map(({ id }) => id))
            : '',
        );
        return;
      case 'ForInStatement':
      case 'ForOfStatement': {
        const declares = node.left.type === 'VariableDeclaration';
        const pattern = node.left.type === 'VariableDeclaration' ? node.left.declarations[0]!.id : node.left;
        this.pattern(pattern, frame);
        if (node.type === 'ForInStatement') this.open(node.right.start, '$$r(');
        this.visit(node.right, frame);
        if (node.type === 'ForInStatement') this.close(node.right.end, ')');
        this.body(node.body, frame, declares ? this.registerRests([pattern]) : '');
        return;
      }
      case 'WhileStatement':
      case 'DoWhileStatement':
        this.visit(node.test, frame);
        this.body(node.body, frame);
        return;
      case 'IfStatement':
        this.visit(node.test, frame);
        this.body(node.consequent, frame);
        if (node.alternate) this.body(node.alternate, frame);
        return;
      case 'SwitchCase':
        if (node.test) this.visit(node.test, frame);
        if (this.regions.has(node) && node.consequent.length > 0) {
          this.open(node.consequent[0]!.start, this.charge(node));
        }
        this.statements(node.consequent, frame);
        return;
      case 'CatchClause':
        this.catch(node, frame);
        return;
      case 'TryStatement':
        this.visit(node.block, frame);
        if (node.handler) this.visit(node.handler, frame);
        if (node.finalizer) {
          this.close(node.finalizer.start + 1, '$$v();');
          this.visit(node.finalizer, frame);
        }
        return;
      case 'BlockStatement':
        this.close(node.start + 1, this.registerFunctions(node.body));
        this.statements(node.body, frame);
        return;
      case 'StaticBlock':
        this.statements(node.body, frame);
        return;
      case 'LabeledStatement':
        this.visit(node.body, frame);
        return;
      case 'MemberExpression':
        this.visit(node.object, frame);
        if (node.computed) this.visit(node.property, frame);
        return;
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
        return;
      case 'ExportNamedDeclaration':
        if (node.declaration) this.visit(node.declaration, frame);
        return;
      default:
        this.children(node, frame);
        return;
    }
  }

  /**
   * A declared or assigned pattern: its defaults and keys, and members that it writes. Those of parameters are evaluated before
   * the function's body, and count as frames of their own.
   */
  private pattern(pattern: AnyNode, frame: Frame, ofParameter = false): void {
    switch (pattern.type) {
      case 'ObjectPattern':
        for (const property of pattern.properties) {
          if (property.type === 'RestElement') this.pattern(property, frame, ofParameter);
          else {
            if (property.computed && ofParameter) this.inFrame(property.key, frame, '$$key');
            else if (property.computed) this.visit(property.key, frame);
            this.pattern(property.value, frame, ofParameter);
          }
        }
        return;
      case 'ArrayPattern':
        for (const element of pattern.elements) if (element) this.pattern(element, frame, ofParameter);
        return;
      case 'AssignmentPattern':
        this.pattern(pattern.left, frame, ofParameter);
        if (ofParameter) this.inFrame(pattern.right, frame);
        else this.visit(pattern.right, frame);
        return;
      case 'RestElement':
        this.pattern(pattern.argument, frame, ofParameter);
        return;
      case 'MemberExpression':
        this.member(pattern, frame, false);
        return;
      default:
        this.visit(pattern, frame);
        return;
    }
  }

  /** An expression outside of a metered body: a metered function of its own, called at once, if it can call anything. */
  private inFrame(node: AnyNode, frame: Frame, then = ''): void {
    if (then === '' && callsNothing(node)) {
      this.visit(node, frame);
      return;
    }
    const weight = weightOf(node);
    const own: Frame = { temporaries: [], weight };
    this.open(
      node.start,
      `(() => {let $$l=${this.place(node)};if(($$d+=${weight})>${depthLimit}||($$f-=2)<0)$$x();try{return ${then}(`,
    );
    this.visit(node, own);
    const temporaries = own.temporaries.length > 0 ? `var ${own.temporaries.join(',')};` : '';
    this.close(node.end, `);}catch($$e){throw $$u($$e,$$l);}finally{$$d-=${weight};}${temporaries}})()`);
  }

  private assignment(node: AssignmentExpression, frame: Frame): void {
    const { left } = node;
    const helper = growing[node.operator.slice(0, -1)];
    if (helper === undefined || left.type === 'ObjectPattern' || left.type === 'ArrayPattern') {
      this.pattern(left, frame);
      const rests = boundNames(left).some(({ rest }) => rest);
      if (rests) this.open(node.right.start, '$$r(');
      this.visit(node.right, frame);
      if (rests) this.close(node.right.end, ')');
      return;
    }
    const current = left.type === 'MemberExpression' ? this.member(left, frame, true) : (left as { name: string }).name;
    const operator = this.token(left.end, node.operator);
    this.code.update(operator.start, operator.end, `= ${helper}(${current}, (`);
    this.visit(node.right, frame);
    this.close(node.end, '))');
  }

  /**
   * A member that is written. Where writes are logged, the log has the old value before. Returns an expression that reads
   * the member a second time, if asked to, without evaluating object and key again.
   */
  private member(node: MemberExpression, frame: Frame, readsToo: boolean): string {
    const isPrivate = node.property.type === 'PrivateIdentifier';
    const logs = this.options.journal && !isPrivate;
    if (node.object.type === 'Super' || !(logs || readsToo)) {
      this.visit(node, frame);
      return '';
    }
    const object = this.temporary(frame);
    const accessor = this.token(node.object.end, '.', '[');
    this.open(node.start, `${logs && !node.computed ? '$$jn' : ''}(${object} = (`);
    this.visit(node.object, frame);
    if (!node.computed) {
      const name = isPrivate
        ? `#${(node.property as { name: string }).name}`
        : (node.property as { name: string }).name;
      this.close(accessor.start, logs ? `),${JSON.stringify(name)})` : '))');
      return `${object}.${name}`;
    }
    const key = readsToo ? this.temporary(frame) : '';
    this.close(accessor.start, '))');
    this.close(accessor.end, `${readsToo ? `${key} = ` : ''}${logs ? `$$j(${object}, ` : '('}`);
    this.visit(node.property, frame);
    this.close(node.end - 1, ')');
    return `${object}[${key}]`;
  }

  private catch(node: CatchClause, frame: Frame): void {
    if (!node.param) {
      this.close(node.start + 'catch'.length, ' ($$e)');
      this.body(node.body, frame, '$$c($$e);');
      return;
    }
    if (node.param.type === 'Identifier') {
      this.body(node.body, frame, `$$c(${node.param.name});`);
      return;
    }
    const pattern = this.code.original.slice(node.param.start, node.param.end);
    const rests = this.registerRests([node.param]);
    this.code.update(node.param.start, node.param.end, '$$e');
    this.body(node.body, frame, `$$c($$e);let ${pattern} = $$e;${rests}`);
  }

  private class(node: Class, frame: Frame): void {
    if (node.type === 'ClassExpression') this.open(node.start, '$$b(');
    if (node.superClass) this.visit(node.superClass, frame);
    const hasPrivateFields = node.body.body.some(
      (member) => member.type === 'PropertyDefinition' && member.key.type === 'PrivateIdentifier',
    );
    // Freezing an object leaves its private fields writable: such objects must not be part of a module.
    if (hasPrivateFields) this.close(node.body.start + 1, '#$$g = $$n();');
    for (const member of node.body.body) this.visit(member, frame);
    if (node.type === 'ClassExpression') this.close(node.end, ')');
    else if (node.id) this.close(node.end, `;$$b(${node.id.name});`);
  }

  /** A generator must not be made by a module. Its body begins to run too late; a key in a parameter is computed at the call. */
  private guardGenerator(node: FunctionNode): void {
    const last = node.params.at(-1);
    const end = last?.end ?? this.token(node.start, '(').end;
    this.close(end, `${last === undefined ? '' : ','}{[$$n()]: $$p} = 0`);
  }

  private function(node: FunctionNode, frame: Frame): void {
    const { units, bytes } = this.regions.cost(node);
    const weight = weightOf(node);
    const own: Frame = { temporaries: [], weight };
    for (const parameter of node.params) this.pattern(parameter, frame, true);
    if (node.generator) this.guardGenerator(node);
    const isBlock = node.body.type === 'BlockStatement';
    const start = isBlock ? node.body.start + 1 : this.token(node.params.at(-1)?.end ?? node.start, '=>').end;
    if (node.body.type === 'BlockStatement') this.statements(node.body.body, own);
    else this.visit(node.body, own);

    const locals = [`$$l=${this.place(node)}`, ...(node.generator ? ['$$g=1'] : []), ...own.temporaries].join(',');
    const memory = bytes > 0 ? `if(($$m-=${bytes})<0)$$z();` : '';
    const guard = this.options.sharing.has(node) ? '$$n();' : '';
    const registered = node.body.type === 'BlockStatement' ? this.registerFunctions(node.body.body) : '';
    const enter =
      `let ${locals};if(($$d+=${weight})>${depthLimit}||($$f-=${units + 1})<0)$$x();${memory}` +
      `try{${guard}${this.registerRests(node.params)}${registered}`;
    const leave = `}catch($$e){throw $$u($$e,$$l);}finally{$$d-=${weight}${node.generator ? '*$$g' : ''};}`;
    if (isBlock) {
      this.close(start, enter);
      this.close(node.body.end - 1, leave);
    } else {
      this.close(start, ` {${enter}return (`);
      this.close(node.end, `);${leave}}`);
    }
  }
}

/** What a frame of a function, or of an expression that is evaluated by itself, counts: see `depthLimit`. */
function weightOf(root: AnyNode): number {
  let nodes = 0;
  let spreads = 0;
  const count = (node: AnyNode): void => {
    nodes++;
    if (node !== root && isFunction(node)) return;
    if ((node.type === 'CallExpression' || node.type === 'NewExpression') && node.arguments.some(isSpread)) {
      spreads = spreadWeight;
    }
    for (const child of children(node)) count(child);
  };
  count(root);
  return Math.min(depthLimit + 1, 1 + Math.floor(nodes / nodesOfWeight) + spreads);
}
const isSpread = (node: AnyNode): boolean => node.type === 'SpreadElement';

/** Whether evaluating the expression cannot run code of its own, nor anything before that code is metered. */
function callsNothing(node: AnyNode): boolean {
  switch (node.type) {
    case 'Literal':
      return !('regex' in node && node.regex);
    case 'UnaryExpression':
      return node.argument.type === 'Literal';
    case 'TemplateLiteral':
      return node.expressions.length === 0;
    case 'ArrayExpression':
      return node.elements.every((element) => element !== null && callsNothing(element));
    case 'ObjectExpression':
      return node.properties.length === 0;
    case 'MemberExpression':
      return !node.computed && callsNothing(node.object);
    default:
      return node.type === 'Identifier' || node.type === 'ThisExpression' || isFunction(node);
  }
}

/** Whether the result cannot be a large string or integer, as far as the syntax shows. */
function neverGrows(operator: string, left: AnyNode, right: AnyNode): boolean {
  if (operator === '**') return false;
  return operator === '+' ? isNumber(left) && isNumber(right) : isNumber(left) || isNumber(right);
}

/** Whether comparing with the operand takes constant time. */
function isShort(node: AnyNode): boolean {
  if (node.type === 'Literal') return true;
  if (node.type === 'Identifier') return node.name === 'undefined';
  return (node.type === 'UnaryExpression' && node.operator !== 'delete') || isNumber(node);
}

function isNumber(node: AnyNode): boolean {
  switch (node.type) {
    case 'Literal':
      return typeof node.value === 'number';
    case 'UnaryExpression':
      return node.operator === '+' || ((node.operator === '-' || node.operator === '~') && isNumber(node.argument));
    case 'BinaryExpression':
      if (node.operator === '>>>') return true;
      if (['-', '*', '/', '%', '&', '|', '^', '<<', '>>'].includes(node.operator)) {
        return isNumber(node.left) || isNumber(node.right);
      }
      return node.operator === '+' && isNumber(node.left) && isNumber(node.right);
    default:
      return false;
  }
}
