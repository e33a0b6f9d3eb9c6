import type { PlanFile } from './plan-schema.ts';
import type { Dataset, FileSet, Plan, Store, TrafficHook } from '../plan/plan.ts';

/** Builds the plan from a plan file without problems. */
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
    files: file.files.filter((set) => set.from !== '').map(fileSetOf),
    gates: {
      lagP99Ms: gate.lagP99,
      integrityPercent: gate.integrity,
      sessionsLost: gate.sessionsLost,
      cacheHitsKeptPercent: gate.cacheHitsKept,
      impactPercent: gate.impact,
      holdMs: gate.hold,
      fenceBudgetMs: gate.fenceBudget,
      cutoverAttempts: gate.cutoverAttempts,
      ...(gate.waive.length > 0 && { waive: gate.waive }),
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

/**
 * Leaves out the fields that say nothing: `cluster` of a single server, `tls` without a file, `unfenced` of a store
 * whose users are fenced, and an empty list of other writers.
 */
export function storeOf({
  cluster,
  tls,
  otherWriters,
  unfenced,
  ...store
}: PlanFile['stores'][number]): Store {
  const files = Object.entries(tls).filter(([, value]) => value !== '');
  return {
    ...store,
    ...(cluster && { cluster }),
    ...(files.length > 0 && { tls: Object.fromEntries(files) }),
    ...(otherWriters.length > 0 && { otherWriters }),
    ...(unfenced !== '' && { unfenced }),
  };
}

/** Without a rename the field is absent and not `undefined`, because the plan is JSON. */
export function datasetOf({ rename, ...dataset }: PlanFile['datasets'][number]): Dataset {
  return rename ? { ...dataset, rename } : dataset;
}

export function fileSetOf({ name, from, to }: PlanFile['files'][number]): FileSet {
  return to === '' ? { name, from } : { name, from, to };
}

function trafficOf(entry: PlanFile['traffic'][number]): readonly TrafficHook[] {
  if (entry.webhook !== undefined) return [{ kind: 'webhook', url: entry.webhook }];
  return entry.command === undefined ? [] : [{ kind: 'command', command: entry.command }];
}
