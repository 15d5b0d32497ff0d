// What a stretch of source costs: operations and bytes, counted on the syntax tree. A region is a stretch that pays when
// it is entered: a function, a loop body, a branch that is heavy enough.

import type { AnyNode, Program } from 'acorn';
import { children, isFunction } from './syntax-tree.ts';

export interface RegionCost {
  units: number;
  bytes: number;
}

/** A branch lighter than this is paid by the region around it, whether it runs or not. */
const heavyBranchUnits = 12;

export class Regions {
  private readonly regions = new Set<AnyNode>();

  constructor(program: Program) {
    this.mark(program);
  }

  has(node: AnyNode): boolean {
    return this.regions.has(node);
  }

  /** The cost of a region without the regions and functions inside it. */
  cost(region: AnyNode): RegionCost {
    const sum: RegionCost = { units: 1, bytes: 0 };
    this.count(region, true, sum);
    return sum;
  }

  private count(node: AnyNode, root: boolean, sum: RegionCost): void {
    if (!root && isFunction(node)) {
      sum.units += 1;
      sum.bytes += 64;
      return;
    }
    if (!root && this.regions.has(node)) return;
    switch (node.type) {
      case 'Identifier':
      case 'Literal':
      case 'ExpressionStatement':
      case 'BlockStatement':
      case 'TemplateElement':
        break;
      case 'CallExpression':
        sum.units += 2;
        break;
      case 'NewExpression':
        sum.units += 2;
        sum.bytes += 64;
        break;
      case 'ObjectExpression':
        sum.units += 1;
        sum.bytes += 32 + 16 * node.properties.length;
        break;
      case 'ArrayExpression':
        sum.units += 1;
        sum.bytes += 32 + 8 * node.elements.length;
        break;
      default:
        sum.units += 1;
    }
    for (const child of children(node)) this.count(child, false, sum);
  }

  private mark(node: AnyNode): void {
    for (const child of children(node)) this.mark(child);
    switch (node.type) {
      case 'ForStatement':
      case 'ForInStatement':
      case 'ForOfStatement':
      case 'WhileStatement':
      case 'DoWhileStatement':
      case 'CatchClause':
        this.regions.add(node.body);
        break;
      case 'IfStatement':
        for (const branch of [node.consequent, node.alternate]) {
          if (branch && branch.type !== 'IfStatement') this.markIfHeavy(branch);
        }
        break;
      case 'SwitchCase':
        this.markIfHeavy(node);
        break;
      default:
    }
  }

  private markIfHeavy(branch: AnyNode): void {
    if (this.cost(branch).units >= heavyBranchUnits) this.regions.add(branch);
  }
}
