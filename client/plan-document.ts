import { isMap, isNode, isPair, isScalar, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import type { PlanPath } from '../domain/plan-problem.ts';

/** Line and column, both from 1. */
export type Place = { readonly line: number; readonly column: number };

export type PlanDocument = {
  readonly tree: unknown;
  readonly syntaxErrors: readonly { readonly place: Place; readonly message: string }[];
  /** Where a field stands; where it is missing, what it is missing from. */
  placeOf(path: PlanPath, atKey: boolean): Place;
};

/** YAML text with a memory of where everything stands in it. */
export function readPlanDocument(text: string): PlanDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const syntaxErrors = document.errors.map((error) => ({
    place: placeAt(error.pos[0]),
    message: error.message,
  }));
  return {
    tree: syntaxErrors.length > 0 ? undefined : document.toJS(),
    syntaxErrors,
    placeOf: (path, atKey) => placeAt(offsetOf(document.contents, path, atKey)),
  };
}

function offsetOf(root: Node | null, path: PlanPath, atKey: boolean): number {
  let offset = startOf(root) ?? 0;
  let node: unknown = root;
  for (const [depth, part] of path.entries()) {
    const pair = isMap(node)
      ? node.items.find((item) => isScalar(item.key) && item.key.value === part)
      : undefined;
    if (pair && atKey && depth === path.length - 1) return startOf(pair.key) ?? offset;
    node = pair ? pair.value : child(node, part);
    offset = startOf(node) ?? keyOf(pair) ?? offset;
  }
  return offset;
}

function child(node: unknown, part: string | number): unknown {
  return typeof part === 'number' && isNode(node) && 'items' in node ? node.items[part] : undefined;
}

function keyOf(pair: Pair | undefined): number | undefined {
  return isPair(pair) ? startOf(pair.key) : undefined;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
