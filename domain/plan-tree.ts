import { interpolate, UnsetVariable } from './environment.ts';
import type { PlanPath, PlanProblem } from './plan-problem.ts';
import { unset } from './store-url.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Filled = { readonly tree: unknown; readonly problems: readonly PlanProblem[] };

/**
 * The tree of a plan file with its references filled in, all but those of store URLs. A field with nothing behind
 * it counts as not written, so that a list whose entries are all commented out means its default.
 */
export function fillTree(tree: unknown, environment: Environment): Filled {
  const problems: PlanProblem[] = [];
  const fill = (value: unknown, path: PlanPath): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => fill(item, [...path, index]));
    if (typeof value === 'object' && value !== null) return fillMapping(value, path);
    if (typeof value !== 'string' || isStoreUrl(path)) return value ?? undefined;
    const filled = fillText(value, environment);
    if (typeof filled === 'string') return filled;
    problems.push({ path, ...filled });
    return value;
  };
  const fillMapping = (value: object, path: PlanPath) =>
    Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, [...path, key])]));
  return { tree: fill(tree, []), problems };
}

function isStoreUrl([list, , field, ...deeper]: PlanPath): boolean {
  return list === 'stores' && field === 'url' && deeper.length === 0;
}

function fillText(text: string, environment: Environment): string | Pick<PlanProblem, 'expected' | 'found'> {
  if (/\$\{(?![A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\})/.test(text)) {
    return { expected: '${NAME} or ${NAME:-default}', found: JSON.stringify(text) };
  }
  try {
    return interpolate(text, environment);
  } catch (error) {
    if (error instanceof UnsetVariable) return unset(error.variable);
    throw error;
  }
}
