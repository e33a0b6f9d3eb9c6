import type { VerbContext } from '../client/verb-context.ts';
import type { SeenProgress } from '../client/told-progress.ts';
import { Migrations, openTemporal } from '../client/migrations.ts';
import { planFrom, shippedPlan } from '../client/options.ts';
import { parseDayLength } from '../domain/plan/duration.ts';
import { type Phase, PHASES, type Plan, type Waiver } from '../domain/plan/plan.ts';
import type { Report } from '../domain/run/report.ts';
import type { Closing } from './closing.ts';
import type { Narrator } from './narrator.ts';
import type { RehearsalOptions } from './options.ts';
import type { Scene } from './scene.ts';
import type { Redis } from 'ioredis';
import { resting } from './apps/ownership.ts';
import type { Base } from './fill/base.ts';
import { candidate, session } from './fill/v1.ts';
import { nameOnV2 } from './names.ts';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * With `--busy`: when the apps, the servers and the worker share their CPU cores with other work, lag and impact
 * measure the machine and not the migration.
 */
const BUSY_GATES = { lagP99Ms: 5_000, impactPercent: 100 };
/** The apps and the worker share the cores with the stores, so the noise of a measurement may hide the impact. */
const ONE_MACHINE: readonly Waiver[] = [
  {
    gate: 'impact',
    reason: 'a rehearsal runs apps, stores and worker on one machine, which share its cores',
  },
];
/**
 * With `--busy`: a day is short here, so the trigger would abort a healthy run after 15 s of lag, and a busy machine
 * has such a lag.
 */
const BUSY_TRIGGERS = { lagP99Ms: 60_000 };

/**
 * Starts the shipped plan with short days, shows its progress, aborts it or damages V2 if the options say so, and waits
 * for its end.
 */
export async function perform(
  scene: Scene,
  options: RehearsalOptions,
  narrator: Narrator,
  closing: Closing,
  signal: AbortSignal,
): Promise<Report> {
  const { desk } = scene;
  const migrations = new Migrations(await openTemporal(desk.environment));
  closing.add(() => migrations.close());
  const { workflowId, runId } = await migrations.start(await planOf(options, desk));
  announce(scene, workflowId, runId, narrator);
  const intervene = intervention(scene, options, narrator, () =>
    migrations.abort(workflowId, { reason: 'rehearsal', by: 'rehearsal' }),
  );
  return follow(migrations, workflowId, { intervene, show: (seen) => narrator.show(seen) }, signal);
}

async function planOf({ day, busy }: RehearsalOptions, desk: VerbContext): Promise<Plan> {
  const shipped = await planFrom(
    { plan: shippedPlan(), day: parseDayLength(day) ?? 0, autoApprove: true },
    desk,
  );
  const plan = { ...shipped, gates: { ...shipped.gates, waive: ONE_MACHINE } };
  if (!busy) return plan;
  const { gates, triggers } = plan;
  return { ...plan, gates: { ...gates, ...BUSY_GATES }, triggers: { ...triggers, ...BUSY_TRIGGERS } };
}

function announce({ world }: Scene, workflowId: string, runId: string, narrator: Narrator): void {
  narrator.say(
    `\nthe migration runs: ${world.uiUrl}/namespaces/default/workflows/${workflowId}/${runId}/history`,
  );
  narrator.say('take it back at any moment, from a second terminal in this folder:');
  narrator.say('  . .jday/env && npx jday abort --reason "seen enough"\n');
}

type Intervene = (phase: string) => Promise<void>;

function intervention(
  { world, base }: Scene,
  { abortAt, corrupt: damage, keys }: RehearsalOptions,
  narrator: Narrator,
  abort: () => Promise<void>,
): Intervene {
  if (damage) {
    return onceAt('watch', async () => {
      const damaged = await corrupt(world.stores.admin.v2, base, keys);
      narrator.say(`\n>>> ${damaged} keys on V2 are damaged now; V1 still holds them whole\n`);
    });
  }
  if (abortAt === null) return async () => {};
  return onceAt(abortAt, async () => {
    narrator.say(`\n>>> jday abort --reason rehearsal\n`);
    await abort();
  });
}

/**
 * One document with two names for the same thing. No form of V1 can say that, so the transform cannot bring it back to
 * V1.
 */
const BROKEN_DOCUMENT = '{"jobs":["a"],"offers":"damaged","note":"✗"}';

/**
 * Damages V2 without any app: sessions and candidates that no app writes become documents that V2's apps cannot have
 * written. V1 still holds each of them unchanged, so the rollback repairs them.
 *
 * @returns how many keys were damaged
 */
export async function corrupt(v2: Redis, base: Base, keys: number): Promise<number> {
  const damage = v2.pipeline();
  for (const index of resting('session', keys))
    damage.hset(nameOf(session(base, index).key), 'offers', 'damaged');
  for (const index of resting('candidate', keys))
    damage.set(nameOf(candidate(base, index).key), BROKEN_DOCUMENT, 'KEEPTTL');
  const replies = (await damage.exec()) ?? [];
  const failed = replies.find(([error]) => error !== null)?.[0];
  if (failed) throw failed;
  return replies.length;
}

function nameOf(key: string): Buffer {
  return Buffer.from(nameOnV2('v1', key), 'latin1');
}

const LOOK_EVERY_MS = 200;
/**
 * Follows the migration until it has ended, and only then asks for the report. A call for the report that still
 * waits when everything is stopped would be tried again on a closed connection.
 */
async function follow(
  migrations: Migrations,
  workflowId: string,
  { intervene, show }: { readonly intervene: Intervene; readonly show: (seen: SeenProgress) => void },
  signal: AbortSignal,
): Promise<Report> {
  while (await migrations.isRunning(workflowId)) {
    const seen = await migrations.progress(workflowId);
    show(seen);
    await intervene(seen.progress.phase);
    await delay(LOOK_EVERY_MS, undefined, { signal });
  }
  return migrations.report(workflowId);
}

/** After the flip the apps get this time to write to V2, ms, so that a rollback has something to lose. */
const TRAFFIC_ON_V2_MS = 1_000;

/** @returns a function that acts once, when the phase is reached or already passed */
function onceAt(phase: Phase, act: () => Promise<void>): Intervene {
  let done = false;
  return async (current) => {
    if (done || !hasReached(current, phase)) return;
    done = true;
    if (phase === 'watch') await delay(TRAFFIC_ON_V2_MS);
    await act();
  };
}

function hasReached(current: string, wanted: Phase): boolean {
  const at = PHASES.findIndex((phase) => phase === current);
  return at >= PHASES.indexOf(wanted);
}
