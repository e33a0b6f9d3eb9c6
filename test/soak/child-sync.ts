import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Shard } from '../../domain/keys/shard.ts';
import type { LinkStatus } from '../../domain/gates/status.ts';
import type { FaultPoint } from '../../redis/replication/reconcile/fault-points.ts';
import { EXPECTED_END, type SyncUnderTest } from '../redis/schedules/supervised-sync.ts';
import type { World } from '../redis/schedules/world.ts';
import { eventually } from '../support/eventually.ts';
import type { Order, Word } from './sync-child.ts';

const PROGRAM = fileURLToPath(new URL('./sync-child.ts', import.meta.url));

/**
 * Keeps one process ready. The start of a process takes longer than most faults, and each restart would wait for it.
 */
export class Spares {
  #next = spare();

  async take(): Promise<ChildProcess> {
    const ready = this.#next;
    this.#next = spare();
    return ready;
  }

  async close(): Promise<void> {
    (await this.#next).kill('SIGKILL');
  }
}

async function spare(): Promise<ChildProcess> {
  const child = fork(PROGRAM, {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return child;
}

type Life = {
  readonly child: Promise<ChildProcess>;
  readonly exited: Promise<unknown>;
  attempt: number;
  steps: Set<FaultPoint>;
  asleep: boolean;
};

/**
 * The sync of a shard in processes of its own, which can be killed with `kill -9` and stopped. When a process ends and
 * no other one is awake, the next one starts.
 */
export class ChildSync implements SyncUnderTest {
  readonly shard: Shard;
  readonly faults: string[] = [];
  readonly ends: string[] = [];
  status: LinkStatus | null = null;
  kills = 0;
  readonly #order: Order;
  readonly #spares: Spares;
  readonly #lives = new Set<Life>();
  #wanted = false;

  constructor(world: World, shard: Shard, spares: Spares) {
    this.shard = shard;
    this.#order = { plan: world.plan, shard: shard.name, environment: world.environment };
    this.#spares = spares;
  }

  /** Starts a process if none is awake. A stopped one does not count: Temporal too starts another after its timeout. */
  ensure(): void {
    if (!this.#newest()) this.start();
  }

  start(): void {
    this.#wanted = true;
    const child = this.#spares.take();
    const life: Life = {
      child,
      exited: child.then((one) => once(one, 'exit')),
      attempt: 0,
      steps: new Set(),
      asleep: false,
    };
    this.#lives.add(life);
    void child.then((one) => {
      one.on('message', (word: Word) => this.#heard(life, word));
      one.send(this.#order);
    });
    void life.exited.then(() => {
      this.#lives.delete(life);
      if (this.#wanted) this.ensure();
    });
  }

  async kill(): Promise<void> {
    this.#wanted = false;
    const lives = [...this.#lives];
    this.kills += lives.length;
    for (const { child } of lives) (await child).kill('SIGKILL');
    await Promise.all(lives.map(({ exited }) => exited));
  }

  async reached(step: FaultPoint): Promise<void> {
    await eventually(
      `the sync of ${this.shard.name} to reach “${step}”`,
      () => this.#newest()?.steps.has(step),
      { everyMs: 5, withinMs: 60_000 },
    );
  }

  /** Stops the newest process while `meanwhile` runs, then wakes it: a zombie that believes that it holds the lease. */
  async stopped(meanwhile: () => Promise<void>): Promise<void> {
    const life = this.#newest();
    if (!life) return meanwhile();
    const sleeping = await life.child;
    sleeping.kill('SIGSTOP');
    life.asleep = true;
    try {
      await meanwhile();
    } finally {
      life.asleep = false;
      sleeping.kill('SIGCONT');
    }
  }

  /** The newest process that is awake, if any. The retry of an older process may have fenced out a newer one. */
  #newest(): Life | undefined {
    return [...this.#lives].filter(({ asleep }) => !asleep).at(-1);
  }

  #heard(life: Life, word: Word): void {
    if (word.kind === 'status') this.status = word.status;
    if (word.kind === 'step') {
      if (word.attempt !== life.attempt) life.steps = new Set();
      life.attempt = word.attempt;
      life.steps.add(word.step);
    }
    if (word.kind === 'ended') {
      life.steps = new Set();
      this.ends.push(word.error);
      if (!EXPECTED_END.test(word.error)) this.faults.push(word.error);
    }
  }
}
