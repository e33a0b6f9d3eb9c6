import { Migrations } from '../client/migrations.ts';
import { planFrom, shippedPlan } from '../client/options.ts';
import { openTemporal } from '../client/temporal.ts';
import { parseDuration } from '../domain/duration.ts';
import type { Progress } from '../domain/progress.ts';
import type { Report } from '../domain/report.ts';
import type { Closing } from './closing.ts';
import { corrupt } from './corrupt.ts';
import { follow } from './follow.ts';
import { onceAt } from './intervention.ts';
import type { Narrator } from './narrator.ts';
import type { Options } from './options.ts';
import type { Scene } from './scene.ts';

/** Starts the shipped plan with short days, shows it, does to it what the options ask for, and waits for its end. */
export async function perform(
  scene: Scene,
  options: Options,
  narrator: Narrator,
  closing: Closing,
  signal: AbortSignal,
): Promise<Report> {
  const { desk } = scene;
  const migrations = new Migrations(await openTemporal(desk.environment));
  closing.add(() => migrations.close());
  const plan = await planFrom(
    { plan: shippedPlan(), day: parseDuration(options.day) ?? 0, autoApprove: true },
    desk,
  );
  const { workflowId, runId } = await migrations.start(plan);
  announce(scene, workflowId, runId, narrator);
  const intervene = intervention(scene, options, narrator, () =>
    migrations.abort(workflowId, { reason: 'rehearsal', by: 'rehearsal' }),
  );
  const look = async (seen: Parameters<Narrator['show']>[0]) => {
    narrator.show(seen);
    await intervene(seen.progress);
  };
  return follow(migrations, workflowId, look, signal);
}

function announce({ world }: Scene, workflowId: string, runId: string, narrator: Narrator): void {
  narrator.say(
    `\nthe migration runs: ${world.uiUrl}/namespaces/default/workflows/${workflowId}/${runId}/history`,
  );
  narrator.say('take it back at any moment, from a second terminal in this folder:');
  narrator.say('  . .jday/env && npx jday abort --reason "seen enough"\n');
}

type Intervene = (progress: Progress) => Promise<void>;

function intervention(
  { world, base }: Scene,
  { abortAt, corrupt: damage, keys }: Options,
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
