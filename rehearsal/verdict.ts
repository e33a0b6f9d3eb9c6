import type { Report } from '../domain/report.ts';
import { servesTheApps } from './apps/after-the-end.ts';
import { readWriteLog } from './apps/log.ts';
import type { TallyNumbers } from './apps/tally.ts';
import { type CheckResult, checkStores } from './check/check.ts';
import { type Section, sectionOf } from './check/finding.ts';
import { forbiddenCommands } from './check/forbidden.ts';
import { readJournals } from './check/journal.ts';
import { appRules, compareRules } from './check/rights.ts';
import { seedEntries } from './fill/seed.ts';
import type { Scene } from './scene.ts';

export type Verdict = { readonly result: CheckResult; readonly tally: TallyNumbers };

/** With the migration over: do the apps write where they should, and is everything there? Leaves the apps paused. */
export async function judge(
  scene: Scene,
  report: Report,
  keys: number,
  rulesBefore: ReadonlyMap<string, string>,
): Promise<Verdict> {
  const { world, apps, base, logFile } = scene;
  const { admin, oracle } = world.stores;
  const serves = await servesTheApps(apps, report.authority);
  await apps.pause();
  const tally = await apps.tally();
  const stores = await checkStores({
    stores: oracle,
    entries: seedEntries(base, keys),
    records: readWriteLog(logFile),
    outcome: report.outcome,
    syncedUntil: beginningOf('complete', report),
    journaled: await readJournals(world.backups, admin.v2),
  });
  const rulesNow = await appRules(Object.values(admin));
  const sections = [
    ...stores.sections,
    finding(`${report.authority === 'source' ? 'V1' : 'V2'} takes the apps’ writes`, serves ? 0 : 1),
    finding('sessions that an app found gone', tally.vanished),
    compareRules(rulesBefore, rulesNow, usersThatAreFree(report)),
    await forbiddenCommands(admin),
  ];
  return { result: { ...stores, sections }, tally };
}

/** The rules of the apps, to compare with after the end. */
export function rulesOf({ world }: Scene): Promise<ReadonlyMap<string, string>> {
  return appRules(Object.values(world.stores.admin));
}

function finding(what: string, times: number): Section {
  const found = { where: 'apps', key: '', what: `${what}: ${times}`, writes: 0 };
  return sectionOf(what, 1, times > 0 ? [found] : []);
}

/** Who serves is as free as before; the other side stays fenced, so that nobody writes where nobody looks. */
function usersThatAreFree({ outcome }: Report): string[] {
  switch (outcome) {
    case 'completed':
      return ['v2-app'];
    case 'aborted':
      return ['v1-app', 'nexten-app', 'v2-app'];
    case 'rolled-back':
      return ['v1-app', 'nexten-app'];
  }
}

function beginningOf(name: Report['phases'][number]['phase'], { phases, endedAt }: Report): number {
  return Date.parse(phases.find(({ phase }) => phase === name)?.startedAt ?? endedAt);
}
