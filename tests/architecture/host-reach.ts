// Finds what the core must not name: globals of the host, and arithmetic that differs between JavaScript engines.

import ts from 'typescript';
import { mathNames } from '../../guests/realm/math-names.ts';

/** Globals that only hosts have, or whose results depend on the host. */
const forbiddenGlobals = new Set([
  ...['Date', 'performance', 'process', 'console', 'Buffer', 'global', 'window', 'self', 'document', 'navigator'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'],
  ...['queueMicrotask', 'requestAnimationFrame', 'fetch', 'crypto', 'Intl', 'require', 'localStorage'],
  ...['WeakRef', 'FinalizationRegistry', 'eval', '__dirname', '__filename'],
]);

/** Exact in every engine (ECMA-262 leaves the precision of the others open): what realms keep. */
const exactMath: ReadonlySet<string> = new Set(mathNames);

const hostMethods = new Set(['toLocaleString', 'toLocaleUpperCase', 'toLocaleLowerCase', 'localeCompare']);

/** Each finding as "line: what". */
export function hostReach(fileName: string, text: string): string[] {
  const source = ts.createSourceFile(fileName, text, ts.ScriptTarget.ESNext, true);
  const declared = declaredNames(source);
  const findings: string[] = [];
  const report = (node: ts.Node, what: string): void => {
    findings.push(`${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${what}`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node)) return;
    if (ts.isIdentifier(node) && isReference(node) && !declared.has(node.text)) {
      if (forbiddenGlobals.has(node.text)) report(node, node.text);
      if (node.text === 'globalThis') report(node, 'globalThis');
      if (node.text === 'Math' && !isExactMath(node)) report(node, node.parent.getText());
    }
    if (ts.isPropertyAccessExpression(node) && hostMethods.has(node.name.text)) report(node.name, node.name.text);
    if (isInexactPower(node)) report(node, node.getText());
    ts.forEachChild(node, visit);
  };
  visit(source);
  return findings;
}

/** An identifier that stands for a value, and not for a member, a label or the name of a declaration. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isBindingElement(parent) && parent.propertyName === node) return false;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return false;
  return ts.isShorthandPropertyAssignment(parent) || (parent as { name?: ts.Node }).name !== node;
}

function isExactMath(node: ts.Identifier): boolean {
  return ts.isPropertyAccessExpression(node.parent) && exactMath.has(node.parent.name.text);
}

/** Powers of two are exact; of bigints all are, but that cannot be seen without types: write the base as a literal. */
function isInexactPower(node: ts.Node): boolean {
  if (!ts.isBinaryExpression(node)) return false;
  const { kind } = node.operatorToken;
  if (kind === ts.SyntaxKind.AsteriskAsteriskEqualsToken) return true;
  if (kind !== ts.SyntaxKind.AsteriskAsteriskToken) return false;
  return !(ts.isNumericLiteral(node.left) && node.left.text === '2') && !ts.isBigIntLiteral(node.left);
}

/** Names that the file itself gives a meaning to, imports included. */
function declaredNames(source: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    const name = (node as Partial<ts.NamedDeclaration>).name;
    const declares =
      ts.isVariableDeclaration(node) ||
      ts.isParameter(node) ||
      ts.isBindingElement(node) ||
      ts.isImportSpecifier(node) ||
      ts.isFunctionDeclaration(node) ||
      ts.isClassDeclaration(node) ||
      ts.isImportClause(node);
    if (declares && name !== undefined && ts.isIdentifier(name)) names.add(name.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}
