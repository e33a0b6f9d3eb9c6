import { ownershipProblems } from './key-map.ts';
import { datasetOf } from './plan-of.ts';
import { showFound, type PlanPath, type PlanProblem } from './plan-problem.ts';
import { datasetSchema } from './plan-schema.ts';
import { storeUrlProblem } from './store-url.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Entry = Readonly<Record<string, unknown>>;

/**
 * What is wrong between fields that may each be right. It looks at the tree of the file, not at a parsed plan, so
 * that these problems are told together with those of single fields.
 */
export function relationProblems(tree: unknown, environment: Environment): readonly PlanProblem[] {
  const plan = mapping(tree);
  const stores = mappings(plan.stores);
  const datasets = mappings(plan.datasets);
  return [
    ...repeated(stores, 'stores'),
    ...urls(stores, environment),
    ...targets(stores),
    ...repeated(datasets, 'datasets'),
    ...strangers(datasets, stores),
    ...owners(datasets),
    ...choice(plan.jDay, ['jDay'], ['in', 'at']),
    ...mappings(plan.traffic).flatMap((entry, index) =>
      choice(entry, ['traffic', index], ['webhook', 'command']),
    ),
    ...order(mapping(plan.timeline)),
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

function urls(stores: readonly Entry[], environment: Environment): readonly PlanProblem[] {
  return stores.flatMap(({ url, cluster }, index) => {
    const problem =
      typeof url === 'string' && url !== '' ? storeUrlProblem(url, environment, cluster === true) : null;
    return problem ? [{ path: ['stores', index, 'url'], ...problem }] : [];
  });
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

/** No V2 key may have two owners; datasets that are wrong in themselves are told of elsewhere. */
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

/** The last dataset that a sentence about ownership begins with. */
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

function order({ start = 'J-7', readiness = 'J-1' }: Entry): readonly PlanProblem[] {
  const [first, rehearsed] = [dayOf(start), dayOf(readiness)];
  if (first === undefined || rehearsed === undefined || (first <= rehearsed && rehearsed <= 0)) return [];
  return [
    {
      path: ['timeline'],
      expected: 'start before readiness, and readiness before J',
      found: `start ${start}, readiness ${readiness}`,
    },
  ];
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
