import { namesIn } from './environment.ts';
import type { Plan, TrafficHook } from './plan.ts';

/**
 * What a worker allows a plan to name. The operator of the worker sets it when the worker starts, and no plan can change
 * it: whoever may start a workflow could otherwise read secrets of the worker, run programs and reach its files.
 */
export type Allowance = {
  /** Names of environment variables. `*` stands for any text. */
  readonly variables: readonly string[];
  /** Absolute paths of the programs that `traffic` may run. */
  readonly programs: readonly string[];
  /** Backups and copies of file sets may be written in these folders and below them. */
  readonly writable: readonly string[];
  /** File sets may be read in these folders and below them. */
  readonly readable: readonly string[];
};

/** Enough for the shipped plan and for the examples of the documents. */
export const ALLOWED_VARIABLES: readonly string[] = ['SOURCE_*', 'TARGET_*', 'TRAFFIC_*'];

/**
 * Returns which part of a plan may name a variable: `traffic` may name only variables TRAFFIC_…, and no store may name
 * those. So a hook cannot send the password of a store to a host that the plan chooses, and a store cannot send the token
 * of a hook.
 */
export function partThatNames(variable: string): 'stores' | 'traffic' {
  return variable.startsWith('TRAFFIC_') ? 'traffic' : 'stores';
}

/**
 * No pattern allows these. They are the worker's own: its login to Temporal and to its cloud, and what decides which
 * programs and libraries it runs.
 */
const NEVER =
  /^(?:PATH|HOME|SHELL|USER|LOGNAME|PWD|(?:TEMPORAL|JDAY|AWS|AZURE|ARM|GOOGLE|GCP|GCLOUD|CLOUDSDK|KUBE|KUBERNETES|VAULT|GITHUB|GITLAB|CI|DOCKER|SSH|NPM|NODE|LD|DYLD|XDG)_.*)$/i;

/** One thing that a plan names and that this worker does not allow. */
export type Refusal = {
  /** The place in the plan, such as `stores[0].url`. */
  readonly field: string;
  /** The rest of a sentence that begins with the field. Names no value and no address. */
  readonly problem: string;
  /** What to do. */
  readonly remedy: string;
  /** The part of the plan that needs it. */
  readonly part: 'stores' | 'folders' | 'traffic';
};

/** Returns whether a worker hands a variable to a plan. */
export function isAllowed(name: string, { variables }: Pick<Allowance, 'variables'>): boolean {
  return !NEVER.test(name) && variables.some((pattern) => matcherOf(pattern).test(name));
}

/** Returns the variables of an environment that a worker hands to plans. */
export function allowedEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  allowance: Pick<Allowance, 'variables'>,
): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => isAllowed(name, allowance)));
}

/**
 * Returns what is wrong with a pattern of variables; `null` = nothing. A pattern of a star and little else would allow
 * every secret of the worker.
 */
export function variablePatternProblem(pattern: string): string | null {
  const isName = /^[A-Za-z0-9_*]+$/.test(pattern) && /[A-Za-z0-9]{2}/.test(pattern);
  if (!isName) return 'the name of a variable, with * for any text, such as SOURCE_*';
  return NEVER.test(pattern) ? 'a variable that is not one of the worker’s own settings' : null;
}

function matcherOf(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
}

/**
 * Returns what the stores and the traffic hooks of a plan name and this worker does not allow. The folders need the file
 * system: `activities/allowed-folders.ts`.
 *
 * @param environment the variables of the worker that are allowed
 */
export function refusalsOf(
  plan: Pick<Plan, 'stores' | 'traffic'>,
  allowance: Allowance,
  environment: Readonly<Record<string, string | undefined>>,
): readonly Refusal[] {
  const stores = plan.stores.flatMap(({ url }, i) =>
    ofText(`stores[${i}].url`, 'stores', url, allowance, environment),
  );
  return [
    ...stores,
    ...plan.traffic.flatMap((hook, i) => ofHook(`traffic[${i}]`, hook, allowance, environment)),
  ];
}

function ofHook(
  field: string,
  hook: TrafficHook,
  allowance: Allowance,
  environment: Readonly<Record<string, string | undefined>>,
): readonly Refusal[] {
  if (hook.kind === 'webhook') return ofText(`${field}.webhook`, 'traffic', hook.url, allowance, environment);
  const [program = ''] = hook.command;
  const variables = hook.command.flatMap((text, i) =>
    ofText(`${field}.command[${i}]`, 'traffic', text, allowance, environment),
  );
  if (allowance.programs.includes(program)) return variables;
  const problem = `runs a program that this worker does not allow: ${JSON.stringify(program)}`;
  const remedy = 'start each worker with --allow-command and the absolute path of the program';
  return [{ field: `${field}.command`, part: 'traffic', problem, remedy }, ...variables];
}

function ofText(
  field: string,
  part: 'stores' | 'traffic',
  text: string,
  allowance: Allowance,
  environment: Readonly<Record<string, string | undefined>>,
): readonly Refusal[] {
  return [...new Set(namesIn(text))].flatMap((name) => {
    const found = variableProblem(name, part, text, allowance, environment);
    return found === null ? [] : [{ field, part, ...found }];
  });
}

function variableProblem(
  name: string,
  part: 'stores' | 'traffic',
  text: string,
  allowance: Allowance,
  environment: Readonly<Record<string, string | undefined>>,
): Pick<Refusal, 'problem' | 'remedy'> | null {
  if (!isAllowed(name, allowance))
    return {
      problem: `names the variable ${name}, which this worker hands to no plan`,
      remedy: `start each worker with --allow-env ${name}, or name another variable`,
    };
  if (partThatNames(name) !== part)
    return {
      problem: `names the variable ${name}, which is not for ${part === 'traffic' ? 'traffic' : 'a store'}`,
      remedy: 'name variables TRAFFIC_… under traffic, and only there',
    };
  // A URL inside another one would go to the host of the other one, password included.
  if (environment[name]?.includes('://') && !standsAlone(name, text))
    return {
      problem: `names the variable ${name}, which holds a whole URL, inside another text`,
      remedy: `write \${${name}} alone, or set the variable to the part that is meant`,
    };
  return null;
}

/** True when each reference to the variable is a whole text, or a whole entry of a list with commas. */
function standsAlone(name: string, text: string): boolean {
  const alone = new RegExp(`^\\$\\{${name}(?::-[^}]*)?\\}$`);
  const entries = text.split(/,\s*(?=\$\{|rediss?:\/\/)/).map((entry) => entry.trim());
  return entries.every((entry) => alone.test(entry) || !namesIn(entry).includes(name));
}
