import { problemsOf } from './issue-problems.ts';
import { planOf } from './plan-of.ts';
import type { PlanPath, PlanProblem } from './plan-problem.ts';
import { relationProblems } from './plan-relations.ts';
import { planSchema } from './plan-schema.ts';
import type { Plan } from '../plan/plan.ts';
import { hasOnlyReferences, interpolate, UnsetVariable } from '../plan/environment.ts';
import { unset } from './store-url.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Checks the tree of a plan file. Returns the plan, or everything that is wrong with it at once. */
export function checkPlan(tree: unknown, environment: Environment): Plan | readonly PlanProblem[] {
  const filled = fillTree(tree, environment);
  const parsed = planSchema.safeParse(filled.tree);
  const wrongFields = (parsed.error?.issues ?? [])
    .flatMap((issue) => problemsOf(planSchema, issue, filled.tree, tree))
    .filter((problem) => !filled.problems.some((unfilled) => samePath(unfilled.path, problem.path)));
  const problems = [...filled.problems, ...wrongFields, ...relationProblems(filled.tree, environment)];
  return parsed.success && problems.length === 0 ? planOf(parsed.data) : problems;
}

function samePath(one: PlanPath, other: PlanPath): boolean {
  return one.length === other.length && one.every((part, index) => part === other[index]);
}

type Filled = { readonly tree: unknown; readonly problems: readonly PlanProblem[] };

/**
 * Fills in the references in the tree of a plan file, all but those of store URLs and of `traffic`. A field without a value counts as
 * not written. So a list whose entries are all commented out gets its default.
 */
function fillTree(tree: unknown, environment: Environment): Filled {
  const problems: PlanProblem[] = [];
  const fill = (value: unknown, path: PlanPath): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => fill(item, [...path, index]));
    if (typeof value === 'object' && value !== null) return fillMapping(value, path);
    if (typeof value !== 'string' || staysReference(path)) return value ?? undefined;
    const filled = fillText(value, environment);
    if (typeof filled === 'string') return filled;
    problems.push({ path, ...filled });
    return value;
  };
  const fillMapping = (value: object, path: PlanPath) =>
    Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, [...path, key])]));
  return { tree: fill(tree, []), problems };
}

/** Only a worker fills these in. Otherwise the history of the workflow would hold passwords and tokens. */
function staysReference([list, , field]: PlanPath): boolean {
  return (list === 'stores' && field === 'url') || list === 'traffic';
}

function fillText(text: string, environment: Environment): string | Pick<PlanProblem, 'expected' | 'found'> {
  if (!hasOnlyReferences(text)) {
    return { expected: '${NAME} or ${NAME:-default}', found: JSON.stringify(text) };
  }
  try {
    return interpolate(text, environment);
  } catch (error) {
    if (error instanceof UnsetVariable) return unset(error.variable);
    throw error;
  }
}
