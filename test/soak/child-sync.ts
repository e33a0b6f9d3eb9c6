import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Shard } from '../../domain/shard.ts';
import type { LinkStatus } from '../../domain/status.ts';
import type { Step } from '../../redis/sync/step.ts';
import { EXPECTED_END, type SyncUnderTest } from '../redis/schedules/supervised-sync.ts';
import type { World } from '../redis/schedules/world.ts';
import { eventually } from '../support/eventually.ts';
import type { Order, Word } from './sync-child.ts';

const PROGRAM = fileURLToPath(new URL('./sync-child.ts', import.meta.url));

/** A process that is ready for an order: starting one takes longer than most of what happens to it. */
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
  steps: Set<Step>;
  asleep: boolean;
};

/** The sync of a shard in processes that are killed -9 and stopped; when the last one has ended, another one begins. */
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

  /** One that is stopped keeps nobody from starting another, as Temporal would after its timeout. */
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

  async reached(step: Step): Promise<void> {
    await eventually(
      `the sync of ${this.shard.name} to reach “${step}”`,
      () => this.#newest()?.steps.has(step),
      { everyMs: 5, withinMs: 60_000 },
    );
  }

  /** Stopped for as long as `meanwhile` takes, then woken: a zombie that believes it still holds the lease. */
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

  /** Of those awake. The replacement of a stopped one may be gone already: fenced out by the retry of an older one. */
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
