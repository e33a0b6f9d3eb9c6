import type { Registry } from 'prom-client';
import type { Gate } from '../../domain/gates/gate.ts';
import { PHASES } from '../../domain/plan/plan.ts';
import type { Progress } from '../../domain/run/progress.ts';
import { addGauge, flagGauge, type GaugeAbout, type GaugeSample, seconds } from '../gauge.ts';
import { Latest } from '../latest.ts';

/**
 * Longest age of a progress that is shown, ms. Each look at the stores tells one twice a second. A long step of the
 * workflow, such as the backup of large stores, tells none meanwhile.
 */
export const PROGRESS_STALE_MS = 4 * 3_600_000;

type Figure = readonly [name: string, help: string, (progress: Progress) => number | null];

const STATES: readonly Figure[] = [
  ['jday_progress_ratio', 'How far the migration has come, by phases.', ({ percent }) => percent / 100],
  [
    'jday_migration_paused',
    'Whether an operator holds the migration; the sync goes on.',
    ({ paused }) => flagGauge(paused !== null),
  ],
  [
    'jday_migration_throttled',
    'Whether some sync goes slower than it could.',
    ({ throttled }) => flagGauge(throttled !== null),
  ],
  [
    'jday_migration_done',
    'Whether the migration has ended, whatever its outcome.',
    ({ outcome }) => flagGauge(outcome !== null),
  ],
];

/** Shown only while a migration runs. At its end the way back is closed, or was taken. */
const WAY_BACK: readonly Figure[] = [
  [
    'jday_rollback_lossless',
    'Whether going back would lose nothing.',
    ({ rollback }) => flagGauge(rollback.lossless),
  ],
  [
    'jday_rollback_estimate_seconds',
    'How long going back would block writes.',
    ({ rollback }) => seconds(rollback.estimateMs),
  ],
  [
    'jday_rollback_at_risk_keys',
    'Changed keys that going back would have to carry first.',
    ({ rollback }) => rollback.writesAtRisk,
  ],
  [
    'jday_rollback_window_end_timestamp_seconds',
    'When the rollback window ends.',
    ({ rollback }) => (rollback.windowEndsAt === null ? null : seconds(Date.parse(rollback.windowEndsAt))),
  ],
];

const PHASE_NAMES: readonly Progress['phase'][] = [...PHASES, 'aborting', 'rolling-back', 'ended'];
const WAITS: readonly Progress['waitingFor']['what'][] = ['nothing', 'time', 'gates', 'approval', 'resume'];
const VERDICTS: readonly Gate['verdict'][] = ['green', 'alert', 'waived', 'red', 'unknown'];

/**
 * The progress that the workflow reports with each observation. A migration that has ended is shown until the next one
 * begins.
 */
export function addMigrationFamily(registry: Registry, nowMs: () => number): (progress: Progress) => void {
  const latest = new Latest<Progress>(PROGRESS_STALE_MS, nowMs);
  const ended = ({ outcome }: Progress) => outcome !== null;
  const isShown = (look: Progress) => ended(look) || latest.fresh().includes(look);
  const shown = () => latest.all().filter(isShown);
  const running = () => latest.fresh().filter((look) => !ended(look));
  addGauge(
    registry,
    {
      name: 'jday_migration_look_age_seconds',
      help: 'Since the workflow last told its progress here.',
      labels: ['migration'],
    },
    () =>
      latest
        .ages()
        .filter(([look]) => isShown(look))
        .map(([{ migration }, ageMs]) => [{ migration }, seconds(ageMs)]),
  );
  for (const figure of STATES) addFigure(registry, figure, shown);
  for (const figure of WAY_BACK) addFigure(registry, figure, running);
  addChoices(registry, shown, running);
  return (progress) => {
    const known = latest.all().some(({ migration }) => migration === progress.migration);
    if (!known && latest.all().every(ended)) latest.forgetAll();
    latest.remember(progress.migration, progress);
  };
}

function addFigure(
  registry: Registry,
  [name, help, valueOf]: Figure,
  looks: () => readonly Progress[],
): void {
  addGauge(registry, { name, help, labels: ['migration'] }, () =>
    looks().map((progress) => [{ migration: progress.migration }, valueOf(progress)]),
  );
}

/** For a value that is one of several: 1 for the one that holds, 0 for all others. */
function addChoices(
  registry: Registry,
  shown: () => readonly Progress[],
  running: () => readonly Progress[],
): void {
  const add = (
    about: GaugeAbout,
    looks: () => readonly Progress[],
    of: (progress: Progress) => readonly GaugeSample[],
  ) =>
    addGauge(registry, { ...about, labels: ['migration', ...(about.labels ?? [])] }, () =>
      looks().flatMap((progress) =>
        of(progress).map(
          ([labels, value]): GaugeSample => [{ migration: progress.migration, ...labels }, value],
        ),
      ),
    );
  add({ name: 'jday_migration_phase', help: 'The phase that runs.', labels: ['phase'] }, shown, ({ phase }) =>
    oneOf('phase', PHASE_NAMES, phase),
  );
  add(
    { name: 'jday_migration_authority', help: 'The side that serves.', labels: ['side'] },
    shown,
    ({ authority }) => oneOf('side', ['source', 'target'], authority ?? 'unknown'),
  );
  add(
    { name: 'jday_migration_waiting', help: 'What the migration waits for.', labels: ['what'] },
    running,
    ({ waitingFor }) => oneOf('what', WAITS, waitingFor.what),
  );
  add(
    { name: 'jday_gate_verdict', help: 'The verdict of each gate.', labels: ['gate', 'verdict'] },
    running,
    ({ gates }) =>
      gates.flatMap(({ name, verdict }) =>
        oneOf('verdict', VERDICTS, verdict).map(([of, value]) => [{ gate: name, ...of }, value] as const),
      ),
  );
}

function oneOf(label: string, all: readonly string[], chosen: string): readonly GaugeSample[] {
  return all.map((one) => [{ [label]: one }, flagGauge(one === chosen)]);
}
