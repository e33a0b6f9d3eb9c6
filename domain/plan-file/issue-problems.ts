import { z } from 'zod';
import { type PlanPath, type PlanProblem, showFound } from './plan-problem.ts';

type Issue = z.core.$ZodIssue;

/**
 * Translates what a schema says of a tree.
 *
 * @param filled the tree that was checked
 * @param written the same tree as it was written, with its references
 */
export function problemsOf(
  schema: z.ZodType,
  issue: Issue,
  filled: unknown,
  written: unknown = filled,
): readonly PlanProblem[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownField(schema, path, key));
  const found = isUrl(path) ? 'something else' : showFound(at(filled, path)) + origin(at(written, path));
  return [{ path, expected: issue.message, found }];
}

function unknownField(schema: z.ZodType, path: PlanPath, key: string): PlanProblem {
  const known = fieldsAt(schema, path);
  const near = nearest(key, known);
  const expected = near === undefined ? `one of ${known.join(', ')}` : `a known field, nearest ${near}`;
  return { path: [...path, key], expected, found: showFound(key), atKey: true };
}

/** Names the variables that a value came from, because the line of the file alone would not show them. */
function origin(written: unknown): string {
  const names = typeof written === 'string' ? [...written.matchAll(/\$\{([A-Za-z0-9_]+)/g)] : [];
  return names.length === 0 ? '' : ` from ${names.map(([, variable]) => variable).join(', ')}`;
}

function isUrl(path: PlanPath): boolean {
  return path.at(-1) === 'url' || path.at(-1) === 'webhook';
}

function at(tree: unknown, path: PlanPath): unknown {
  return path.reduce<unknown>(
    (node, part) => (typeof node === 'object' && node !== null ? Reflect.get(node, part) : undefined),
    tree,
  );
}

type Shape = { readonly properties?: Readonly<Record<string, Shape>>; readonly items?: Shape };

const shapes = new WeakMap<z.ZodType, Shape>();

function fieldsAt(schema: z.ZodType, path: PlanPath): readonly string[] {
  const root =
    shapes.get(schema) ?? (z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape);
  shapes.set(schema, root);
  const shape = path.reduce<Shape | undefined>(
    (node, part) => (typeof part === 'number' ? node?.items : node?.properties?.[part]),
    root,
  );
  return Object.keys(shape?.properties ?? {});
}

/** Returns the known word that the author most likely meant, when one is near enough to be a typing mistake. */
function nearest(word: string, known: readonly string[]): string | undefined {
  const allowed = Math.max(2, Math.floor(word.length / 3));
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= allowed)
    .sort((one, other) => one.distance - other.distance);
  return ranked[0]?.candidate;
}

/** Levenshtein distance, one row of the table at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (letter === to[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced));
    }
    row = next;
  }
  return row[to.length] ?? from.length;
}
