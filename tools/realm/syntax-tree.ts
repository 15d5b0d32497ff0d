// Walking an ESTree: the children of a node, in source order, whatever its type.

import type { AnyNode } from 'acorn';

export type FunctionNode = Extract<
  AnyNode,
  { type: 'FunctionDeclaration' | 'FunctionExpression' | 'ArrowFunctionExpression' }
>;

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

/** The nodes directly below. Each shorthand property's one identifier appears once, as its value. */
export function children(node: AnyNode): AnyNode[] {
  const record = node as unknown as Record<string, unknown>;
  const found: AnyNode[] = [];
  for (const key of Object.keys(record)) {
    if (key === 'key' && node.type === 'Property' && node.shorthand) continue;
    const value = record[key];
    if (isNode(value)) found.push(value);
    else if (Array.isArray(value)) for (const item of value) if (isNode(item)) found.push(item);
  }
  return found;
}

export function isFunction(node: AnyNode): node is FunctionNode {
  return (
    node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression'
  );
}

/** The identifiers that a pattern binds. */
export function boundNames(pattern: AnyNode): { name: string; start: number; rest: boolean }[] {
  switch (pattern.type) {
    case 'Identifier':
      return [{ name: pattern.name, start: pattern.start, rest: false }];
    case 'ObjectPattern':
      return pattern.properties.flatMap((property) =>
        boundNames(property.type === 'Property' ? property.value : property),
      );
    case 'ArrayPattern':
      return pattern.elements.flatMap((element) => (element === null ? [] : boundNames(element)));
    case 'AssignmentPattern':
      return boundNames(pattern.left);
    case 'RestElement':
      return boundNames(pattern.argument).map((bound) => ({ ...bound, rest: true }));
    default:
      return [];
  }
}
