import { cancelled, heartbeat } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { Side } from '../../domain/side.ts';
import { watchStep } from '../../domain/watch.ts';
import type { MigrationActivities, Observation, ObserveInput } from '../../workflows/activities.ts';
import { exampleSnapshot, type World } from '../support/example-snapshot.ts';

type Name = keyof MigrationActivities;

/** Also how often a long activity heartbeats: dozens run at once, each costing the server a call. */
const LOOK_MS = 50;

/** Stands for stores, sync and verifier of one migration: remembers what it was asked, in order, and does as it is told. */
export class FakeWorld {
  /** Names of the activities as they began; looks are left out. */
  readonly calls: string[] = [];
  looks = 0;
  authority: Side = 'source';
  epoch = 1;
  /** False: nobody can read the authority records. */
  authorityKnown = true;
  /** What the next looks see; passes of the verifier count by themselves. */
  seen: World = {};
  /** Names of the long activities that run now. */
  readonly running = new Set<string>();
  /** The syncs that run end with it, and those that come after them. */
  broken: Error | null = null;
  /** A sync that is told to stop says nothing any more, as if its worker were killed. */
  silent = false;
  /** Differences that the last verification finds. */
  diverged = 0;
  checks: Awaited<ReturnType<MigrationActivities['preflight']>>['checks'] = [];
  searchAttributes = false;
  readonly #failures = new Map<string, Error[]>();
  readonly #closed = new Set<Name>();
  readonly #hooks = new Map<Name, () => void>();
  #passes = 0;

  /** The calls that tell the order of things; of the long activities only the sync of one link. */
  get order(): readonly string[] {
    return this.calls.filter((call) => !/^(verify |measure|sync nexten)/.test(call));
  }

  /** What of it came after the first call of that name. */
  after(name: string): readonly string[] {
    return this.order.slice(this.order.indexOf(name) + 1);
  }

  /** The next calls of an activity fail so, one after the other; then it succeeds again. */
  fail(name: Name, ...failures: readonly Error[]): void {
    this.#failures.set(name, [...(this.#failures.get(name) ?? []), ...failures]);
  }

  /** Calls of an activity wait inside it, heartbeating, until it is opened. */
  close(name: Name): void {
    this.#closed.add(name);
  }

  open(name: Name): void {
    this.#closed.delete(name);
  }

  /** Done whenever an activity begins. */
  when(name: Name, act: () => void): void {
    this.#hooks.set(name, act);
  }

  async begin(name: Name, shown: string = name): Promise<void> {
    this.calls.push(shown);
    this.#hooks.get(name)?.();
    const failure = this.#failures.get(name)?.shift();
    if (failure) throw failure;
    while (this.#closed.has(name)) await this.#beat();
  }

  async #beat(): Promise<void> {
    heartbeat();
    await Promise.race([delay(LOOK_MS), cancelled()]);
  }

  snapshot(nowMs: number) {
    const authority = this.authorityKnown ? { side: this.authority, epoch: this.epoch } : null;
    this.#passes += 1;
    const { verify } = this.seen;
    const passing = verify === null ? null : { passes: this.#passes, ...verify };
    return exampleSnapshot(nowMs, { ...this.seen, verify: passing, authority });
  }

  /** As the real one: one look after the other until goal, trigger or time. */
  async observe(input: ObserveInput): Promise<Observation> {
    this.looks += 1;
    this.#hooks.get('observe')?.();
    const failure = this.#failures.get('observe')?.shift();
    if (failure) throw failure;
    const endMs = Date.now() + input.forMs;
    let seen = watchStep(input, this.snapshot(Date.now()), input.plan, input, Date.now());
    while (!seen.goalReached && seen.triggered === null && Date.now() < endMs) {
      await this.#beat();
      seen = watchStep(seen, this.snapshot(Date.now()), input.plan, input, Date.now());
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
    this.authority = side;
    this.epoch += 1;
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

/** The port, played by one world for each migration: one worker serves all tests of a file. */
export function fakeActivities(worldOf: (migration: string) => FakeWorld): MigrationActivities {
  const world = (input: { plan: { migration: string } }) => worldOf(input.plan.migration);
  const plainly = (name: Name) => (input: { plan: { migration: string } }) => world(input).begin(name);
  return {
    preflight: async (input) => {
      await world(input).begin('preflight');
      return { checks: world(input).checks, searchAttributes: world(input).searchAttributes };
    },
    claim: plainly('claim'),
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
    decide: (input) =>
      world(input).begin('decide', `decide ${input.word} ${input.link ?? ''} ${input.side ?? ''}`.trim()),
    observe: (input) => world(input).observe(input),
    rehearseSwitch: async (input) => {
      await world(input).begin('rehearseSwitch');
      const fenceProof = [{ store: 'v1', users: 1, proven: true }];
      return { roundTripMs: 2, predictedFenceMs: 30, fenceProof };
    },
    cutover: async (input) => {
      await world(input).begin('cutover');
      return world(input).moveTo('target');
    },
    rollback: async (input) => {
      await world(input).begin('rollback');
      return world(input).moveTo('source');
    },
    unfence: async (input) => {
      await world(input).begin('unfence');
      return world(input).authority;
    },
    settleSource: plainly('settleSource'),
    clearTarget: async (input) => {
      await world(input).begin('clearTarget');
      return { deleted: 100, restored: 1, kept: 2 };
    },
    verifyAll: async (input) => {
      await world(input).begin('verifyAll');
      return { compared: 100, diverged: world(input).diverged };
    },
    dropTraces: (input) =>
      world(input).begin('dropTraces', input.keepLedger ? 'dropTraces, ledger kept' : 'dropTraces'),
  };
}

/** A failure that no retry mends. */
export function finalFailure(type: string, message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type);
}
