import type { PlanFile } from './plan-schema.ts';
import type { Dataset, Plan, Store, Traffic } from './plan.ts';

/** The plan that a file without problems stands for. */
export function planOf(file: PlanFile): Plan {
  const { timeline: line, gates: gate, triggers: trigger } = file;
  return {
    migration: file.migration,
    jDay: file.jDay.at === undefined ? { inDays: file.jDay.in ?? 0 } : { at: file.jDay.at },
    timeline: { startDay: line.start, readinessDay: line.readiness, windowDays: line.window },
    dayMs: file.day,
    mode: file.mode,
    shards: file.shards,
    stores: file.stores.map(storeOf),
    datasets: file.datasets.map(datasetOf),
    files: file.files
      .filter((set) => set.from !== '')
      .map(({ name, from, to }) => (to === '' ? { name, from } : { name, from, to })),
    gates: {
      lagP99Ms: gate.lagP99,
      integrityPercent: gate.integrity,
      sessionsLost: gate.sessionsLost,
      cacheHitsKeptPercent: gate.cacheHitsKept,
      impactPercent: gate.impact,
      holdMs: gate.hold,
      fenceBudgetMs: gate.fenceBudget,
      cutoverAttempts: gate.cutoverAttempts,
    },
    triggers: {
      integrityPercent: trigger.integrity,
      sessionsLost: trigger.sessionsLost,
      lagP99Ms: trigger.lagP99,
      lagForMs: trigger.lagFor,
    },
    approvals: file.approvals,
    traffic: file.traffic.flatMap(trafficOf),
    backup: file.backup,
    throttle: file.throttle,
  };
}

/** One server says nothing of clusters. */
function storeOf({ cluster, ...store }: PlanFile['stores'][number]): Store {
  return cluster ? { ...store, cluster } : store;
}

/** Without a rename the field is absent, not undefined: the plan is JSON. */
export function datasetOf({ rename, ...dataset }: PlanFile['datasets'][number]): Dataset {
  return rename ? { ...dataset, rename } : dataset;
}

function trafficOf(entry: PlanFile['traffic'][number]): readonly Traffic[] {
  if (entry.webhook !== undefined) return [{ kind: 'webhook', url: entry.webhook }];
  return entry.command === undefined ? [] : [{ kind: 'command', command: entry.command }];
}
