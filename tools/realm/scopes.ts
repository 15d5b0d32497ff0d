// Who declares, captures and assigns which variable: finds free identifiers, module variables that could change, and
// functions whose closures share a variable that changes.

import type { AnyNode, Program } from 'acorn';
import { boundNames, children, type FunctionNode, isFunction } from './syntax-tree.ts';

interface Variable {
  readonly name: string;
  readonly kind: 'let' | 'var' | 'const' | 'function' | 'class' | 'parameter' | 'import' | 'catch';
  readonly start: number;
  readonly scope: Scope;
  assigned: boolean;
  captured: boolean;
}

interface Scope {
  readonly parent: Scope | undefined;
  readonly owner: FunctionNode | Program;
  readonly takesVar: boolean;
  readonly names: Map<string, Variable>;
}

export interface ScopeAnalysis {
  /** Identifiers that no scope of the module declares; `member`: where one of its members is named outright, that name. */
  free: { name: string; start: number; assigned: boolean; member?: string | undefined }[];
  /** Module-level `let` and `var`, which would be state outside of the state. */
  moduleVariables: { name: string; start: number }[];
  /** Functions with a variable that an inner function captures and something assigns. */
  sharing: Set<FunctionNode>;
  /** Every declared name, for the check of reserved ones. */
  declared: { name: string; start: number }[];
}

export function analyseScopes(program: Program): ScopeAnalysis {
  const result: ScopeAnalysis = { free: [], moduleVariables: [], sharing: new Set(), declared: [] };
  const references: { name: string; start: number; scope: Scope; assigned: boolean; member?: string | undefined }[] =
    [];

  function open(parent: Scope | undefined, owner: FunctionNode | Program, takesVar: boolean): Scope {
    return { parent, owner, takesVar, names: new Map() };
  }
  function declare(scope: Scope, pattern: AnyNode, kind: Variable['kind']): void {
    let target = scope;
    if (kind === 'var') while (!target.takesVar) target = target.parent!;
    for (const { name, start } of boundNames(pattern)) {
      result.declared.push({ name, start });
      if (!target.names.has(name)) {
        target.names.set(name, { name, kind, start, scope: target, assigned: false, captured: false });
      }
    }
  }
  /** Declarations that a statement list brings into its scope before it runs. */
  function hoist(scope: Scope, statements: readonly AnyNode[]): void {
    for (const item of statements) {
      const exported = item.type === 'ExportNamedDeclaration' || item.type === 'ExportDefaultDeclaration';
      const statement = exported ? (item.declaration as AnyNode | null) : item;
      if (statement === null || statement === undefined) continue;
      if (statement.type === 'FunctionDeclaration' && statement.id !== null) declare(scope, statement.id, 'function');
      else if (statement.type === 'ClassDeclaration' && statement.id !== null) declare(scope, statement.id, 'class');
      else if (statement.type === 'VariableDeclaration') {
        const kind = statement.kind as 'let' | 'const' | 'var';
        for (const declarator of statement.declarations) declare(scope, declarator.id, kind);
      } else if (statement.type === 'ImportDeclaration') {
        for (const specifier of statement.specifiers) declare(scope, specifier.local, 'import');
      }
    }
  }
  function hoistVars(scope: Scope, node: AnyNode): void {
    if (isFunction(node) || node.type === 'ClassBody') return;
    if (node.type === 'VariableDeclaration' && node.kind === 'var') {
      for (const declarator of node.declarations) declare(scope, declarator.id, 'var');
    }
    for (const child of children(node)) hoistVars(scope, child);
  }
  function refer(scope: Scope, name: string, start: number, assigned: boolean, member?: string): void {
    references.push({ name, start, scope, assigned, member });
  }
  /** A pattern that is assigned to, or whose names are already declared: visits defaults and computed keys. */
  function visitPattern(scope: Scope, pattern: AnyNode, assigns: boolean): void {
    switch (pattern.type) {
      case 'Identifier':
        if (assigns) refer(scope, pattern.name, pattern.start, true);
        return;
      case 'ObjectPattern':
        for (const property of pattern.properties) {
          if (property.type === 'RestElement') visitPattern(scope, property, assigns);
          else {
            if (property.computed) visit(scope, property.key);
            visitPattern(scope, property.value, assigns);
          }
        }
        return;
      case 'ArrayPattern':
        for (const element of pattern.elements) if (element !== null) visitPattern(scope, element, assigns);
        return;
      case 'AssignmentPattern':
        visitPattern(scope, pattern.left, assigns);
        visit(scope, pattern.right);
        return;
      case 'RestElement':
        visitPattern(scope, pattern.argument, assigns);
        return;
      default:
        visit(scope, pattern);
    }
  }
  function visitFunction(scope: Scope, node: FunctionNode): void {
    const own = open(scope, node, true);
    if (node.type === 'FunctionExpression' && node.id) declare(own, node.id, 'function');
    for (const parameter of node.params) declare(own, parameter, 'parameter');
    for (const parameter of node.params) visitPattern(own, parameter, false);
    if (node.body.type === 'BlockStatement') {
      hoist(own, node.body.body);
      hoistVars(own, node.body);
      for (const statement of node.body.body) visit(own, statement);
    } else visit(own, node.body);
  }
  function visitBlock(scope: Scope, statements: readonly AnyNode[]): void {
    const own = open(scope, scope.owner, false);
    hoist(own, statements);
    for (const statement of statements) visit(own, statement);
  }
  function visit(scope: Scope, node: AnyNode): void {
    if (isFunction(node)) {
      visitFunction(scope, node);
      return;
    }
    switch (node.type) {
      case 'Identifier':
        refer(scope, node.name, node.start, false);
        return;
      case 'BlockStatement':
      case 'StaticBlock':
        visitBlock(scope, node.body);
        return;
      case 'VariableDeclaration':
        for (const declarator of node.declarations) {
          visitPattern(scope, declarator.id, false);
          if (declarator.init) visit(scope, declarator.init);
        }
        return;
      case 'AssignmentExpression':
        visitPattern(scope, node.left, true);
        if (node.operator !== '=' && node.left.type === 'Identifier')
          refer(scope, node.left.name, node.left.start, false);
        visit(scope, node.right);
        return;
      case 'UpdateExpression':
        visitPattern(scope, node.argument, true);
        return;
      case 'ForStatement': {
        const own = open(scope, scope.owner, false);
        if (node.init) {
          hoist(own, [node.init]);
          visit(own, node.init);
        }
        if (node.test) visit(own, node.test);
        if (node.update) visit(own, node.update);
        visit(own, node.body);
        return;
      }
      case 'ForInStatement':
      case 'ForOfStatement': {
        const own = open(scope, scope.owner, false);
        if (node.left.type === 'VariableDeclaration') {
          hoist(own, [node.left]);
          visit(own, node.left);
        } else visitPattern(own, node.left, true);
        visit(own, node.right);
        visit(own, node.body);
        return;
      }
      case 'SwitchStatement': {
        visit(scope, node.discriminant);
        const own = open(scope, scope.owner, false);
        for (const branch of node.cases) hoist(own, branch.consequent);
        for (const branch of node.cases) {
          if (branch.test) visit(own, branch.test);
          for (const statement of branch.consequent) visit(own, statement);
        }
        return;
      }
      case 'CatchClause': {
        const own = open(scope, scope.owner, false);
        if (node.param) {
          declare(own, node.param, 'catch');
          visitPattern(own, node.param, false);
        }
        visitBlock(own, node.body.body);
        return;
      }
      case 'ClassDeclaration':
      case 'ClassExpression': {
        if (node.superClass) visit(scope, node.superClass);
        const own = open(scope, scope.owner, false);
        if (node.id) declare(own, node.id, 'class');
        for (const member of node.body.body) visit(own, member);
        return;
      }
      case 'MethodDefinition':
      case 'PropertyDefinition':
      case 'Property':
        if (node.computed) visit(scope, node.key);
        if (node.value) visit(scope, node.value);
        return;
      case 'MemberExpression':
        if (node.object.type === 'Identifier' && !node.computed && node.property.type === 'Identifier') {
          refer(scope, node.object.name, node.object.start, false, node.property.name);
          return;
        }
        visit(scope, node.object);
        if (node.computed) visit(scope, node.property);
        return;
      case 'LabeledStatement':
        visit(scope, node.body);
        return;
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'MetaProperty':
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
        return;
      case 'ExportNamedDeclaration':
        if (node.declaration) visit(scope, node.declaration);
        if (!node.source) {
          for (const specifier of node.specifiers) visit(scope, specifier.local);
        }
        return;
      default:
        for (const child of children(node)) visit(scope, child);
    }
  }

  const top = open(undefined, program, true);
  hoist(top, program.body);
  hoistVars(top, program);
  for (const statement of program.body) visit(top, statement);

  for (const { name, start, scope, assigned, member } of references) {
    let at: Scope | undefined = scope;
    while (at !== undefined && !at.names.has(name)) at = at.parent;
    if (at === undefined) {
      result.free.push({ name, start, assigned, member });
      continue;
    }
    const variable = at.names.get(name)!;
    if (assigned) variable.assigned = true;
    if (variable.scope.owner !== scope.owner) variable.captured = true;
    const { owner } = variable.scope;
    if (variable.assigned && variable.captured && owner.type !== 'Program') result.sharing.add(owner as FunctionNode);
  }
  for (const variable of top.names.values()) {
    if (variable.kind === 'let' || variable.kind === 'var') result.moduleVariables.push(variable);
  }
  return result;
}
