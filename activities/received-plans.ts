import { createHash } from 'node:crypto';
import { type Refusal, refusalsOf } from '../domain/plan/allowance.ts';
import type { Plan } from '../domain/plan/plan.ts';
import { name as labelField } from '../domain/plan-file/plan-field.ts';
import { type PlanProblem, showPath } from '../domain/plan-file/plan-problem.ts';
import { receivedPlan, startProblems } from '../domain/plan-file/received-plan.ts';
import { FAILURES } from '../domain/run/failure.ts';
import type { MigrationActivities } from '../workflows/activities.ts';
import { folderRefusals } from './allowed-folders.ts';
import type { Dependencies } from './dependencies.ts';

type Name = keyof MigrationActivities;

/** The plan names something that this worker does not allow. Nothing was done. */
export class NotAllowedHere extends Error {
  override readonly name = FAILURES.NotAllowedHere;
}

/** The plan is none that this version can carry out. No worker of this version could, so it is never tried again. */
class PlanUnusable extends Error {
  override readonly name = FAILURES.BadConfiguration;
}

/**
 * The activities that use more of a plan than its stores. A rollback is not among them although it tells the hooks of
 * `traffic`: it must not wait for them, and its report names those that did not confirm.
 */
const USED: Readonly<Partial<Record<Name, readonly Refusal['part'][]>>> = {
  backup: ['stores', 'folders'],
  copyFiles: ['stores', 'folders'],
  dropRecords: ['stores', 'folders'],
  cutover: ['stores', 'traffic'],
};

/**
 * Wraps every activity, so that none of them acts on a plan that was not checked. The input of an activity is JSON from
 * the history of a workflow, and everybody who may start a workflow can write there what he likes. The activities get the
 * plan as the check has read it.
 *
 * The preflight itself reports what this worker does not allow. The others fail, before they do anything.
 */
export function withReceivedPlans<T extends object>(activities: T, dependencies: Dependencies): T {
  const check = planChecker();
  const wrapped = Object.entries(activities).map(([name, run]) => [
    name,
    async (input: unknown) => {
      const given: Readonly<Record<string, unknown>> = { ...(input as object) };
      const plan = check(given['plan'], name === 'preflight');
      if ('label' in given && !labelField.safeParse(given['label']).success)
        throw new PlanUnusable('label: expected a name of a-z, 0-9 and -');
      if (name !== 'preflight') await assertAllowed(plan, USED[name as Name] ?? ['stores'], dependencies);
      return (run as (checked: unknown) => Promise<unknown>)({ ...given, plan });
    },
  ]);
  return Object.fromEntries(wrapped) as T;
}

/** Returns what this worker does not allow of a plan, in the order of its fields. */
export async function allRefusals(
  plan: Plan,
  { allowance, environment }: Pick<Dependencies, 'allowance' | 'environment'>,
): Promise<readonly Refusal[]> {
  return [...refusalsOf(plan, allowance, environment), ...(await folderRefusals(plan, allowance))];
}

async function assertAllowed(
  plan: Plan,
  parts: readonly Refusal['part'][],
  dependencies: Dependencies,
): Promise<void> {
  const { allowance, environment } = dependencies;
  const named = refusalsOf(plan, allowance, environment).filter(({ part }) => parts.includes(part));
  const [first] = parts.includes('folders') ? [...named, ...(await folderRefusals(plan, allowance))] : named;
  if (first) throw new NotAllowedHere(`plan.${first.field} ${first.problem}: ${first.remedy}`);
}

/** Plans that this process remembers to be sound. A run has one plan, and a worker serves few runs. */
const REMEMBERED = 32;

/**
 * Returns a function that checks a plan, once for each text: the check of many datasets against each other takes a
 * second.
 *
 * @returns the plan; throws PlanUnusable when it cannot be one
 */
function planChecker(): (json: unknown, starts: boolean) => Plan {
  const sound = new Map<string, Plan>();
  return (json, starts) => {
    const key = createHash('sha256')
      .update(`${starts} ${JSON.stringify(json) ?? ''}`)
      .digest('hex');
    const known = sound.get(key);
    if (known) return known;
    const plan = receivedPlan(json);
    if (isProblems(plan)) throw new PlanUnusable(plan.map(sentenceOf).join('; '));
    const problems = starts ? startProblems(plan) : [];
    if (problems.length > 0) throw new PlanUnusable(problems.map(sentenceOf).join('; '));
    const [oldest] = sound.keys();
    if (sound.size >= REMEMBERED && oldest !== undefined) sound.delete(oldest);
    sound.set(key, plan);
    return plan;
  };
}

function isProblems(read: Plan | readonly PlanProblem[]): read is readonly PlanProblem[] {
  return Array.isArray(read);
}

function sentenceOf({ path, expected, found }: PlanProblem): string {
  return `plan.${showPath(path)}: expected ${expected}, found ${found}`;
}
