import type { Registry } from 'prom-client';
import type { Gate } from '../../domain/gate.ts';
import { PHASES } from '../../domain/phase.ts';
import type { Progress } from '../../domain/progress.ts';
import { addGauge, flag, type GaugeAbout, type Sample, seconds } from '../gauge.ts';
import { Latest } from '../latest.ts';

/** In a long wait the workflow looks at the world every three hours at the latest: one missed look and some. */
export const PROGRESS_STALE_MS = 4 * 3_600_000;

type Look = { readonly at: number; readonly progress: Progress };
type Figure = readonly [name: string, help: string, (progress: Progress) => number | null];

const STATES: readonly Figure[] = [
  ['jday_progress_ratio', 'How far the migration has come, by phases.', ({ percent }) => percent / 100],
  [
    'jday_migration_paused',
    'Whether an operator holds the migration; the sync goes on.',
    ({ paused }) => flag(paused !== null),
  ],
  [
    'jday_migration_throttled',
    'Whether some sync goes slower than it could.',
    ({ throttled }) => flag(throttled !== null),
  ],
  [
    'jday_migration_done',
    'Whether the migration has ended, whatever its outcome.',
    ({ outcome }) => flag(outcome !== null),
  ],
];

/** Said of a running migration only: at its end the way back is closed, or was taken. */
const WAY_BACK: readonly Figure[] = [
  [
    'jday_rollback_lossless',
    'Whether going back would lose nothing.',
    ({ rollback }) => flag(rollback.lossless),
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
const VERDICTS: readonly Gate['verdict'][] = ['green', 'alert', 'red', 'unknown'];

/** What the workflow says of itself at its last look. A migration that has ended is shown until the next begins. */
export function addMigrationFamily(registry: Registry, nowMs: () => number): (progress: Progress) => void {
  const latest = new Latest<Look>(PROGRESS_STALE_MS, nowMs);
  const ended = ({ progress }: Look) => progress.outcome !== null;
  const shown = () => latest.all().filter((look) => ended(look) || latest.fresh().includes(look));
  const running = () => latest.fresh().filter((look) => !ended(look));
  addGauge(
    registry,
    {
      name: 'jday_migration_look_timestamp_seconds',
      help: 'When the workflow last told its progress here.',
      labels: ['migration'],
    },
    () => shown().map(({ at, progress: { migration } }) => [{ migration }, seconds(at)]),
  );
  for (const figure of STATES) addFigure(registry, figure, shown);
  for (const figure of WAY_BACK) addFigure(registry, figure, running);
  addChoices(registry, shown, running);
  return (progress) => {
    const known = latest.all().some((look) => look.progress.migration === progress.migration);
    if (!known && latest.all().every(ended)) latest.forgetAll();
    latest.remember(progress.migration, { at: nowMs(), progress });
  };
}

function addFigure(registry: Registry, [name, help, valueOf]: Figure, looks: () => readonly Look[]): void {
  addGauge(registry, { name, help, labels: ['migration'] }, () =>
    looks().map(({ progress }) => [{ migration: progress.migration }, valueOf(progress)]),
  );
}

/** One of several, as 1 for the one that holds and 0 for the others. */
function addChoices(registry: Registry, shown: () => readonly Look[], running: () => readonly Look[]): void {
  const add = (
    about: GaugeAbout,
    looks: () => readonly Look[],
    of: (progress: Progress) => readonly Sample[],
  ) =>
    addGauge(registry, { ...about, labels: ['migration', ...(about.labels ?? [])] }, () =>
      looks().flatMap(({ progress }) =>
        of(progress).map(([labels, value]): Sample => [{ migration: progress.migration, ...labels }, value]),
      ),
    );
  add({ name: 'jday_migration_phase', help: 'The phase that runs.', labels: ['phase'] }, shown, ({ phase }) =>
    oneOf('phase', PHASE_NAMES, phase),
  );
  add(
    { name: 'jday_migration_authority', help: 'The side that serves.', labels: ['side'] },
    shown,
    ({ authority }) => oneOf('side', ['source', 'target'], authority),
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
        oneOf('verdict', VERDICTS, verdict).map(
          ([labels, value]): Sample => [{ gate: name, ...labels }, value],
        ),
      ),
  );
}

function oneOf(label: string, all: readonly string[], chosen: string): readonly Sample[] {
  return all.map((one) => [{ [label]: one }, flag(one === chosen)]);
}
