import { type Phase, PHASES, type Plan } from '../../domain/plan/plan.ts';
import { examplePlan } from '../support/plans/example-plan.ts';
import type { FakeWorld } from './fake-world.ts';

type Story = { readonly change?: Partial<Plan>; readonly prepare?: (world: FakeWorld) => void };

/** So many days that no test sees their end. */
const FAR = 100_000;

const { approvals } = examplePlan();

/** How to make a migration stay in a phase until it is aborted or told to go on. */
export const STAYS_IN: Readonly<Record<Phase, Story>> = {
  preflight: { prepare: (world) => world.close('preflight') },
  backup: { prepare: (world) => world.close('backup') },
  copy: { prepare: (world) => (world.seen = { sync: { joined: [] } }) },
  sync: {
    change: { jDay: { inDays: FAR }, timeline: { startDay: -FAR, readinessDay: -1, windowDays: 7 } },
  },
  readiness: { change: { approvals: { ...approvals, readiness: 'manual' } } },
  sessions: { prepare: (world) => (world.seen = { sync: { joined: ['matches', 'embeddings'] } }) },
  validation: {
    prepare: (world) => world.when('joinSessions', () => (world.seen = { sync: { quarantined: 1 } })),
  },
  approval: { change: { approvals: { ...approvals, cutover: 'manual' } } },
  cutover: { prepare: (world) => world.close('cutover') },
  watch: { change: { timeline: { startDay: -7, readinessDay: -1, windowDays: FAR } } },
  complete: { prepare: (world) => world.close('verifyAll') },
};

export const BEFORE_THE_FLIP = PHASES.slice(0, PHASES.indexOf('cutover'));
export const FROM_THE_FLIP_ON = PHASES.slice(PHASES.indexOf('cutover'));
