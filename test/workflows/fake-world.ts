import { cancelled, heartbeat } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { Side } from '../../domain/plan/plan.ts';
import { watchStep } from '../../domain/gates/watch.ts';
import { judgedPlan } from '../../domain/run/run-state.ts';
import type { MigrationActivities, Observation, ObserveInput } from '../../workflows/activities.ts';
import { exampleCensus, exampleSnapshot, type World } from '../support/plans/example-snapshot.ts';

type Name = keyof MigrationActivities;

/** The pause between two looks or heartbeats. Dozens of activities run at once, and each heartbeat is a server call. */
const LOOK_MS = 50;

/**
 * Plays the stores, the syncs and the verifiers of one migration. It records the calls and does what a test tells it.
 */
export class FakeWorld {
  /** Names of the activities in the order in which they began, without `observe` and `nextFencingNumber`. */
  readonly calls: string[] = [];
  looks = 0;
  /** Reads of the stores so far, many in each look. */
  snapshots = 0;
  /** Steps that touch fences, in the order in which they began, each with its fencing number. */
  readonly ordered: (readonly [name: Name, fencingNumber: number])[] = [];
  /** The last fencing number that the stores hold. */
  fencingNumber = 0;
  authority: Side = 'source';
  epoch = 1;
  /** False = the authority records cannot be read. */
  authorityKnown = true;
  /** Why a look sees nothing, for example because a worker reaches another server; `null` = looks see the stores. */
  doubt: string | null = null;
  /** What the next looks see. The number of verifier passes grows by itself. */
  seen: World = {};
  /** Names of the long activities that run now. */
  readonly running = new Set<string>();
  /** The error with which every sync ends: those that run now, and later ones. */
  broken: Error | null = null;
  /** While this is true, a sync that is told to stop does not end, as if its worker had been killed. */
  silent = false;
  /** Every observation takes so many times as long as it is asked to. */
  patience = 1;
  /** Differences that the last verification finds. */
  diverged = 0;
  checks: Awaited<ReturnType<MigrationActivities['preflight']>>['checks'] = [];
  searchAttributes = false;
  readonly #failures = new Map<string, Error[]>();
  readonly #closed = new Set<Name>();
  readonly #hooks = new Map<Name, () => void>();
  #passes = 0;

  /** The calls whose order matters. Of the long activities this is only the sync of one link. */
  get order(): readonly string[] {
    return this.calls.filter((call) => !/^(verify |measure|sync nexten)/.test(call));
  }

  /** The part of `order` after the first call of that name. */
  after(name: string): readonly string[] {
    return this.order.slice(this.order.indexOf(name) + 1);
  }

  /** Makes the next calls of an activity fail with these errors, one after the other. Later calls succeed. */
  fail(name: Name, ...failures: readonly Error[]): void {
    this.#failures.set(name, [...(this.#failures.get(name) ?? []), ...failures]);
  }

  /** Makes the calls of an activity succeed again. */
  forgive(name: Name): void {
    this.#failures.delete(name);
  }

  /** Makes the calls of an activity wait, with heartbeats, until `open`. */
  close(name: Name): void {
    this.#closed.add(name);
  }

  open(name: Name): void {
    this.#closed.delete(name);
  }

  /** Calls `act` each time the activity begins. */
  when(name: Name, act: () => void): void {
    this.#hooks.set(name, act);
  }

  async begin(name: Name, shown: string = name): Promise<void> {
    this.calls.push(shown);
    await this.#play(name);
  }

  /** `begin`, for a step with a fencing number. */
  async beginOrdered(name: Name, fencingNumber: number): Promise<void> {
    this.ordered.push([name, fencingNumber]);
    await this.begin(name);
  }

  /** This touches no fence, so it is not recorded in `calls`. */
  async nextFencingNumber(after: number): Promise<number> {
    await this.#play('nextFencingNumber');
    this.fencingNumber = Math.max(after, this.fencingNumber) + 1;
    return this.fencingNumber;
  }

  async #play(name: Name): Promise<void> {
    this.#hooks.get(name)?.();
    const failure = this.#failures.get(name)?.shift();
    if (failure) throw failure;
    while (this.#closed.has(name)) await this.#beat();
  }

  async #beat(): Promise<void> {
    heartbeat();
    await Promise.race([delay(LOOK_MS), cancelled()]);
  }

  snapshot() {
    const authority = this.authorityKnown ? { side: this.authority, epoch: this.epoch } : null;
    this.#passes += 1;
    this.snapshots += 1;
    if (this.doubt !== null) return { links: [], impact: null, authority: null, doubt: this.doubt };
    const { verify } = this.seen;
    const census = exampleCensus('v1', { passes: this.#passes });
    const passing = verify === null ? null : { passes: this.#passes, census, ...verify };
    return exampleSnapshot({ ...this.seen, verify: passing, authority });
  }

  /** Looks again and again until the goal, a trigger or the end of the time, as the real activity does. */
  async observe(input: ObserveInput): Promise<Observation> {
    this.looks += 1;
    this.#hooks.get('observe')?.();
    const failure = this.#failures.get('observe')?.shift();
    if (failure) throw failure;
    let lookedAt = performance.now();
    const endMs = lookedAt + input.forMs * this.patience;
    const plan = judgedPlan({ ...input.told, plan: input.plan });
    let seen = watchStep(input, this.snapshot(), plan, input, 0);
    while (!seen.goalReached && seen.triggered === null && performance.now() < endMs) {
      await this.#beat();
      const sinceMs = performance.now() - lookedAt;
      lookedAt += sinceMs;
      seen = watchStep(seen, this.snapshot(), plan, input, sinceMs);
    }
    return seen;
  }

  async runUntilCancelled(name: Name, shown: string): Promise<void> {
    await this.begin(name, shown);
    this.running.add(shown);
    try {
      for (;;) {
        if (name === 'sync' && this.broken) throw this.broken;
        await this.#beat();
      }
    } finally {
      while (name === 'sync' && this.silent) await delay(LOOK_MS);
      this.running.delete(shown);
      this.calls.push(`${shown} stopped`);
    }
  }

  moveTo(side: Side) {
    if (this.authority !== side) this.epoch += 1;
    this.authority = side;
    return {
      to: side,
      epoch: this.epoch,
      fencedMs: 40,
      steps: [{ step: 'fence', ms: 4 }],
      verified: 10,
      attempts: 1,
    };
  }
}

/** The activities. Each migration has a world of its own, because one worker serves all tests of a file. */
export function fakeActivities(worldOf: (migration: string) => FakeWorld): MigrationActivities {
  const world = (input: { plan: { migration: string } }) => worldOf(input.plan.migration);
  const plainly = (name: Name) => (input: { plan: { migration: string } }) => world(input).begin(name);
  return {
    preflight: async (input) => {
      await world(input).begin('preflight');
      return { checks: world(input).checks, searchAttributes: world(input).searchAttributes };
    },
    claim: async (input) => {
      await world(input).begin('claim');
      return { side: world(input).authority, epoch: world(input).epoch };
    },
    release: plainly('release'),
    backup: async (input) => {
      await world(input).begin('backup', `backup ${input.label}`);
      return { id: input.label, stores: [], files: [], proven: true, durationMs: 1 };
    },
    copyFiles: plainly('copyFiles'),
    sync: (input) => world(input).runUntilCancelled('sync', `sync ${input.link}`),
    verify: (input) => world(input).runUntilCancelled('verify', `verify ${input.link}`),
    measureImpact: (input) => world(input).runUntilCancelled('measureImpact', 'measureImpact'),
    joinSessions: plainly('joinSessions'),
    configure: (input) => world(input).begin('configure', `configure ${JSON.stringify(input.throttle)}`),
    resolveSuspicion: (input) =>
      world(input).begin(
        'resolveSuspicion',
        ['decide', input.word, input.link, input.side, input.syncEnded && 'without a sync']
          .filter(Boolean)
          .join(' '),
      ),
    observe: (input) => world(input).observe(input),
    rehearseSwitch: async (input) => {
      await world(input).begin('rehearseSwitch');
      const fenceProof = [{ store: 'v1', users: 1, proven: true }];
      return { roundTripMs: 2, predictedFenceMs: 30, fenceProof };
    },
    nextFencingNumber: (input) => world(input).nextFencingNumber(input.after),
    cutover: async (input) => {
      await world(input).beginOrdered('cutover', input.fencingNumber);
      return world(input).moveTo('target');
    },
    rollback: async (input) => {
      await world(input).beginOrdered('rollback', input.fencingNumber);
      return world(input).moveTo('source');
    },
    unfence: async (input) => {
      await world(input).beginOrdered('unfence', input.fencingNumber);
      return world(input).authority;
    },
    drainToSource: (input) => world(input).beginOrdered('drainToSource', input.fencingNumber),
    clearTarget: async (input) => {
      await world(input).begin('clearTarget');
      return { deleted: 100, restored: 1, kept: 2 };
    },
    verifyAll: async (input) => {
      await world(input).begin('verifyAll');
      return { compared: 100, diverged: world(input).diverged };
    },
    dropRecords: (input) =>
      world(input).begin('dropRecords', input.keepLedger ? 'dropRecords, ledger kept' : 'dropRecords'),
  };
}

/** A failure that is not retried. */
export function finalFailure(type: string, message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type);
}
