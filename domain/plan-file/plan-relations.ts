import type { Plan } from '../plan/plan.ts';
import { partThatNames } from '../plan/allowance.ts';
import { namesIn } from '../plan/environment.ts';
import { ownershipProblems } from '../keys/key-map.ts';
import { names } from './plan-field.ts';
import { datasetOf } from './plan-of.ts';
import { showFound, type PlanPath, type PlanProblem } from './plan-problem.ts';
import { datasetSchema } from './plan-schema.ts';
import type { UrlProblem } from './server-url.ts';
import { literalPasswordProblem, saysTls, storeUrlProblem } from './store-url.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Entry = Readonly<Record<string, unknown>>;

/**
 * Finds problems between fields that may each be right. It reads the tree of the file, and not a parsed plan, so that
 * these problems are reported together with those of single fields.
 */
export function relationProblems(tree: unknown, environment: Environment): readonly PlanProblem[] {
  const plan = mapping(tree);
  const stores = mappings(plan.stores);
  return [
    ...urls(stores, (url, cluster) => storeUrlProblem(url, environment, cluster)),
    ...tlsFiles(stores, environment),
    ...contradictions(tree),
    ...choice(plan.jDay, ['jDay'], ['in', 'at']),
    ...mappings(plan.traffic).flatMap((entry, index) =>
      choice(entry, ['traffic', index], ['webhook', 'command']),
    ),
    ...order(mapping(plan.timeline)),
  ];
}

/**
 * The same for a plan that has been read, whose stores, datasets and hooks look as in its file. The environment is not
 * asked.
 */
export function contradictionsOf(plan: Plan): readonly PlanProblem[] {
  return [
    ...urls(plan.stores, literalPasswordProblem),
    ...contradictions(plan),
    ...order({ start: markOf(plan.timeline.startDay), readiness: markOf(plan.timeline.readinessDay) }),
  ];
}

function contradictions(tree: unknown): readonly PlanProblem[] {
  const plan = mapping(tree);
  const stores = mappings(plan.stores);
  const datasets = mappings(plan.datasets);
  return [
    ...repeated(stores, 'stores'),
    ...targets(stores),
    ...users(stores),
    ...repeated(datasets, 'datasets'),
    ...strangers(datasets, stores),
    ...owners(datasets),
    ...misplaced(tree, []),
    ...waivedTwice(mappings(mapping(plan.gates).waive)),
  ];
}

function repeated(entries: readonly Entry[], list: string): readonly PlanProblem[] {
  return entries.flatMap(({ name }, index) => {
    const first = entries.findIndex((entry) => entry.name === name);
    if (typeof name !== 'string' || first === index) return [];
    return [
      {
        path: [list, index, 'name'],
        expected: `a name used once, ${list}[${first}] has it`,
        found: showFound(name),
      },
    ];
  });
}

function waivedTwice(waivers: readonly Entry[]): readonly PlanProblem[] {
  return waivers.flatMap(({ gate }, index) => {
    const first = waivers.findIndex((entry) => entry.gate === gate);
    if (typeof gate !== 'string' || first === index) return [];
    const expected = `a gate that is waived once, gates.waive[${first}] has it`;
    return [{ path: ['gates', 'waive', index, 'gate'], expected, found: showFound(gate) }];
  });
}

function urls(
  stores: readonly Entry[],
  problemOf: (url: string, cluster: boolean) => UrlProblem | null,
): readonly PlanProblem[] {
  return stores.flatMap(({ url, cluster }, index) => {
    const problem = typeof url === 'string' && url !== '' ? problemOf(url, cluster === true) : null;
    return problem ? [{ path: ['stores', index, 'url'], ...problem }] : [];
  });
}

/**
 * Finds files for TLS that would do nothing: a certificate without its key, and files of a store whose URL asks for no
 * TLS. That store would be spoken to in plain text.
 */
function tlsFiles(stores: readonly Entry[], environment: Environment): readonly PlanProblem[] {
  return stores.flatMap(({ url, cluster, tls }, index) => {
    const given = Object.entries(mapping(tls)).flatMap(([name, value]) => (value ? [name] : []));
    const problems: PlanProblem[] = [];
    for (const [one, other] of [['cert', 'key'] as const, ['key', 'cert'] as const])
      if (given.includes(one) && !given.includes(other))
        problems.push({
          path: ['stores', index, 'tls', one],
          expected: `${other} beside it`,
          found: `no ${other}`,
        });
    const encrypted = saysTls(typeof url === 'string' ? url : '', environment, cluster === true);
    if (given.length > 0 && encrypted === false)
      problems.push({
        path: ['stores', index, 'tls'],
        expected: 'a rediss:// URL of this store, or no files for TLS',
        found: 'a redis:// URL, which is plain text',
      });
    return problems;
  });
}

/**
 * Finds contradictions about users. A user in both lists would be fenced and not fenced. A reason for no fence
 * contradicts users to fence.
 */
function users(stores: readonly Entry[]): readonly PlanProblem[] {
  return stores.flatMap(({ appUsers, otherWriters, unfenced }, index) => {
    const [apps, others] = [listed(appUsers), listed(otherWriters)];
    const twice = others.filter((user) => apps.includes(user));
    const problems: PlanProblem[] = twice.map((user) => ({
      path: ['stores', index, 'otherWriters'],
      expected: 'users who are not fenced, other than appUsers',
      found: showFound(user),
    }));
    if (apps.length > 0 && typeof unfenced === 'string' && unfenced !== '')
      problems.push({
        path: ['stores', index, 'unfenced'],
        expected: 'nothing where appUsers names whom to fence',
        found: 'a reason not to',
      });
    return problems;
  });
}

function listed(value: unknown): readonly string[] {
  const parsed = names.safeParse(value ?? []);
  return parsed.success ? parsed.data : [];
}

function targets(stores: readonly Entry[]): readonly PlanProblem[] {
  const found = stores.filter((store) => store.side === 'target').length;
  if (found === 1 || stores.length === 0) return [];
  return [{ path: ['stores'], expected: 'exactly one store with side target', found: String(found) }];
}

function strangers(datasets: readonly Entry[], stores: readonly Entry[]): readonly PlanProblem[] {
  const sourceNames = stores.filter((store) => store.side !== 'target').map((store) => String(store.name));
  const sources = [...new Set(sourceNames)];
  return datasets.flatMap(({ from }, index) =>
    typeof from !== 'string' || sources.includes(from)
      ? []
      : [
          {
            path: ['datasets', index, 'from'],
            expected: `the name of a source store (${sources.join(', ')})`,
            found: showFound(from),
          },
        ],
  );
}

/**
 * Finds keys with two owners. It leaves out datasets that are wrong in themselves, because those are reported
 * elsewhere.
 */
function owners(datasets: readonly Entry[]): readonly PlanProblem[] {
  const sound = datasets.flatMap((entry) => {
    const parsed = datasetSchema.safeParse(entry);
    return parsed.success ? [datasetOf(parsed.data)] : [];
  });
  return ownershipProblems(sound).map((found) => ({
    path: ['datasets', ...placeOf(found, datasets)],
    expected: 'each key with one owner and a name that can be mapped back',
    found,
  }));
}

/** Returns the place of the last dataset that an ownership sentence begins with. */
function placeOf(sentence: string, datasets: readonly Entry[]): PlanPath {
  const [, one, other] = /^datasets? ([a-z0-9-]+)(?: and ([a-z0-9-]+))?/.exec(sentence) ?? [];
  const index = datasets.findIndex((dataset) => dataset.name === (other ?? one));
  return index < 0 ? [] : [index];
}

function choice(value: unknown, path: PlanPath, fields: readonly string[]): readonly PlanProblem[] {
  if (value === undefined || !isMapping(value)) return [];
  const given = fields.filter((field) => value[field] !== undefined);
  if (given.length === 1) return [];
  return [
    { path, expected: `either ${fields.join(' or ')}`, found: given.length === 0 ? 'neither' : 'both' },
  ];
}

/** Finds variables of hooks in store URLs, and other variables in hooks. Those two stay references in the plan. */
function misplaced(node: unknown, path: PlanPath): readonly PlanProblem[] {
  if (Array.isArray(node)) return node.flatMap((item, index) => misplaced(item, [...path, index]));
  if (isMapping(node))
    return Object.entries(node).flatMap(([name, item]) => misplaced(item, [...path, name]));
  const [part] = path;
  if (typeof node !== 'string' || (part !== 'stores' && part !== 'traffic')) return [];
  const expected =
    part === 'traffic' ? 'variables TRAFFIC_… only' : 'no variable TRAFFIC_…: those are for traffic';
  const wrong = namesIn(node).filter((name) => partThatNames(name) !== part);
  return wrong.map((name) => ({ path, expected, found: name }));
}

function order({ start = 'J-7', readiness = 'J-1' }: Entry): readonly PlanProblem[] {
  const [first, rehearsed] = [dayOf(start), dayOf(readiness)];
  if (first === undefined || rehearsed === undefined || (first <= rehearsed && rehearsed <= 0)) return [];
  return [
    {
      path: ['timeline'],
      expected: 'start before readiness, and readiness before J',
      found: `start ${String(start)}, readiness ${String(readiness)}`,
    },
  ];
}

function markOf(day: number): string {
  return day === 0 ? 'J' : `J${day < 0 ? '' : '+'}${day}`;
}

function dayOf(mark: unknown): number | undefined {
  const [found, offset] = typeof mark === 'string' ? (/^J([+-]\d+)?$/.exec(mark) ?? []) : [];
  return found === undefined ? undefined : Number(offset ?? 0);
}

function isMapping(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapping(value: unknown): Entry {
  return isMapping(value) ? value : {};
}

function mappings(value: unknown): readonly Entry[] {
  return Array.isArray(value) ? value.map(mapping) : [];
}
