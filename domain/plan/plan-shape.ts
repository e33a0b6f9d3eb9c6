type Fits = (value: unknown) => boolean;

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNumber: Fits = (value) => typeof value === 'number' && Math.abs(value) <= 1e9;
const isList: Fits = (value) => Array.isArray(value) && value.every(isMapping);
const isInstant = (value: unknown) => typeof value === 'string' && !Number.isNaN(Date.parse(value));

/** What the workflow itself reads of a plan before the preflight has checked the whole of it, by its path. */
const READ: readonly (readonly [path: string, expected: string, fits: Fits])[] = [
  ['', 'a plan, as `npx jday plan --json` prints it', isMapping],
  ['migration', 'a name', (value) => typeof value === 'string' && value !== ''],
  [
    'jDay',
    'inDays: 7, or at: 2026-12-01T06:00:00Z',
    (value) => isMapping(value) && ('at' in value ? isInstant(value.at) : isNumber(value.inDays)),
  ],
  ['timeline', 'a mapping', isMapping],
  ['timeline.startDay', 'a number', isNumber],
  ['timeline.readinessDay', 'a number', isNumber],
  ['timeline.windowDays', 'a number', isNumber],
  ['dayMs', 'a number of ms above zero', (value) => isNumber(value) && Number(value) > 0],
  ['stores', 'a list of stores', isList],
  ['datasets', 'a list of datasets', isList],
  ['gates', 'a mapping', isMapping],
  ['triggers', 'a mapping', isMapping],
  ['approvals', 'a mapping', isMapping],
  ['throttle', 'a mapping', isMapping],
];

/**
 * Returns why a value cannot be the plan of a workflow, naming the field; `null` = it may be one. The workflow asks this
 * before it reads anything of the plan: an error of its own code would only fail the workflow task, and Temporal would
 * try that task for ever.
 *
 * A replay asks again, under later versions of this code. So no later version may refuse what an earlier one has
 * accepted.
 */
export function shapeProblem(plan: unknown): string | null {
  for (const [path, expected, fits] of READ)
    if (!fits(at(plan, path))) return `plan${path === '' ? '' : `.${path}`}: expected ${expected}`;
  return null;
}

function at(plan: unknown, path: string): unknown {
  const parts = path === '' ? [] : path.split('.');
  return parts.reduce<unknown>((node, part) => (isMapping(node) ? node[part] : undefined), plan);
}
