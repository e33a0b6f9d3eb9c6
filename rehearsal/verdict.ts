import type { Report } from '../domain/run/report.ts';
import { readWriteLog } from './apps/log.ts';
import type { TallyNumbers } from './apps/tally.ts';
import { type CheckResult, checkStores } from './check/check.ts';
import { type Section, sectionOf } from './check/finding.ts';
import { appRules, compareRules, forbiddenCommands } from './check/servers.ts';
import { readJournals } from './check/journal.ts';
import { seedEntries } from './fill/data-set.ts';
import type { Scene } from './scene.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { Side } from '../domain/plan/plan.ts';
import type { AppsProcess } from './apps/process.ts';

export type RehearsalVerdict = { readonly result: CheckResult; readonly tally: TallyNumbers };

/**
 * Judges the rehearsal after the migration has ended. Checks that the apps write to the right side and that everything
 * is there. Leaves the apps paused.
 */
export async function judgeRehearsal(
  scene: Scene,
  report: Report,
  keys: number,
  rulesBefore: ReadonlyMap<string, string>,
): Promise<RehearsalVerdict> {
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

/** Reads the rules of the apps' users, to compare them with the rules after the end. */
export function rulesOf({ world }: Scene): Promise<ReadonlyMap<string, string>> {
  return appRules(Object.values(world.stores.admin));
}

function finding(what: string, times: number): Section {
  const found = { where: 'apps', key: '', what: `${what}: ${times}`, writes: 0 };
  return sectionOf(what, 1, times > 0 ? [found] : []);
}

/**
 * The app users whose rights must be the same as before. Users of the serving side are free again. After a completed
 * migration and after a rollback the other side stays fenced: no sync would replicate a write there.
 */
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

const WRITES_THAT_PROVE = 100;
const PATIENCE_MS = 10_000;
const LOOK_EVERY_MS = 100;

/** @returns true when the side that should serve takes the apps' writes after everything has ended */
async function servesTheApps(apps: AppsProcess, side: Side): Promise<boolean> {
  const before = (await apps.tally()).acknowledged[side];
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    if ((await apps.tally()).acknowledged[side] >= before + WRITES_THAT_PROVE) return true;
    await delay(LOOK_EVERY_MS);
  }
  return false;
}
