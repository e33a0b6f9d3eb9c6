import { z } from 'zod';
import { nearest } from './nearest.ts';
import { planOf } from './plan-of.ts';
import { showFound, type PlanPath, type PlanProblem } from './plan-problem.ts';
import { relationProblems } from './plan-relations.ts';
import { planSchema } from './plan-schema.ts';
import { fillTree } from './plan-tree.ts';
import type { Plan } from './plan.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Issue = z.core.$ZodIssue;

/** The plan that the tree of a plan file stands for, or everything that is wrong with it at once. */
export function checkPlan(tree: unknown, environment: Environment): Plan | readonly PlanProblem[] {
  const filled = fillTree(tree, environment);
  const parsed = planSchema.safeParse(filled.tree);
  const wrongFields = (parsed.error?.issues ?? [])
    .flatMap((issue) => problemsOf(issue, filled.tree, tree))
    .filter((problem) => !filled.problems.some((unfilled) => samePath(unfilled.path, problem.path)));
  const problems = [...filled.problems, ...wrongFields, ...relationProblems(filled.tree, environment)];
  return parsed.success && problems.length === 0 ? planOf(parsed.data) : problems;
}

function problemsOf(issue: Issue, filled: unknown, written: unknown): readonly PlanProblem[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownField(path, key));
  const found = isUrl(path) ? 'something else' : showFound(at(filled, path)) + origin(at(written, path));
  return [{ path, expected: issue.message, found }];
}

function unknownField(path: PlanPath, key: string): PlanProblem {
  const known = fieldsAt(path);
  const near = nearest(key, known);
  const expected = near === undefined ? `one of ${known.join(', ')}` : `a known field, nearest ${near}`;
  return { path: [...path, key], expected, found: showFound(key), atKey: true };
}

/** Says which variable a value came from: the line of the file alone would not show it. */
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

function fieldsAt(path: PlanPath): readonly string[] {
  const root = z.toJSONSchema(planSchema, { io: 'input', unrepresentable: 'any' }) as Shape;
  const shape = path.reduce<Shape | undefined>(
    (node, part) => (typeof part === 'number' ? node?.items : node?.properties?.[part]),
    root,
  );
  return Object.keys(shape?.properties ?? {});
}

function samePath(one: PlanPath, other: PlanPath): boolean {
  return one.length === other.length && one.every((part, index) => part === other[index]);
}
