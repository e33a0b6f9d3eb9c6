import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { withMigrationWorld } from './migration-world.ts';
import { patientText } from './patient-plan.ts';

type Named = { readonly name: string };
type Shipped = {
  readonly stores: readonly Named[];
  readonly datasets: readonly (Named & { readonly from: string })[];
};

/**
 * Writes the patient plan with one source and with J-Day two days after the start. So a run is short and costs half. V1
 * also has a dataset of role `model-state`. Only the approvals in `manual` are asked for.
 *
 * @returns its path
 */
export function shortPlan(path: string, manual: readonly string[]): string {
  const shipped = parse(patientText()) as Shipped;
  const approvals = Object.fromEntries(
    ['readiness', 'cutover', 'complete'].map((gate) => [gate, manual.includes(gate) ? 'manual' : 'auto']),
  );
  const plan = {
    ...shipped,
    jDay: { in: '2d' },
    timeline: { start: 'J-2', readiness: 'J-1', window: 1 },
    stores: shipped.stores.filter(({ name }) => name !== 'nexten'),
    datasets: [
      ...shipped.datasets.filter(({ from }) => from === 'v1'),
      { name: 'embeddings', from: 'v1', patterns: ['embedding:*'], role: 'model-state' },
    ],
    files: [],
    approvals,
  };
  writeFileSync(path, stringify(plan));
  return path;
}

/** Starts a migration by the short plan. Nobody is asked for an approval. */
export async function startShortly(
  world: Pick<ReturnType<typeof withMigrationWorld>, 'dir' | 'jday'>,
  day: string,
): Promise<void> {
  const plan = shortPlan(join(world.dir.path, 'plan.yaml'), []);
  const { code, stderr } = await world.jday('start', '--plan', plan, '--day', day);
  if (code !== 0) throw new Error(`jday start: exit code ${code}: ${stderr}`);
}
